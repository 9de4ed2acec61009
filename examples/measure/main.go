// Measure says how well the default correlator groups labelled alerts, and which keys join the wrong ones.
//
//	measure [-json] [-techniques FILE] [-min-precision P] [-min-recall R] [-min-f1 F] [-min-exact N] [FILE…]
//
// A file has one JSON object a line, in the formats of measure.Read; "-" is standard input. Each file is a set for
// itself. Without a file it measures a small sample. It prints a table for each set, or with -json an object a line.
// The file of -techniques has an identifier of MITRE ATT&CK a line, such as T1059.001; blank lines and those that begin
// with # are skipped.
//
// Exit status: 0; 1 when a set is below one of the least values; 2 when a file could not be read.
package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"

	"github.com/incidentkit/incidentkit/incident/incidenttest/measure"
)

//go:embed sample.jsonl
var sample []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("measure", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print JSON, an object a line for each file")
	list := flags.String("techniques", "", "the `file` of techniques that the attacks are to show")
	var least measure.Thresholds
	flags.Float64Var(&least.Precision, "min-precision", 0, "the least precision, 0 to 1; 0 means any")
	flags.Float64Var(&least.Recall, "min-recall", 0, "the least recall, 0 to 1; 0 means any")
	flags.Float64Var(&least.F1, "min-f1", 0, "the least F1, 0 to 1; 0 means any")
	flags.IntVar(&least.Exact, "min-exact", 0, "the least number of attacks that are found exactly")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	techniques, err := listed(*list)
	if err != nil {
		fmt.Fprintln(stderr, "measure:", err)
		return 2
	}
	files := flags.Args()
	if len(files) == 0 {
		files = []string{""}
	}
	status := 0
	for n, name := range files {
		scores, err := scoresOf(ctx, name, stdin, techniques)
		name = displayed(name)
		if err != nil {
			fmt.Fprintf(stderr, "measure: %s: %v\n", name, err)
			return 2
		}
		if *asJSON {
			err = json.NewEncoder(stdout).Encode(struct {
				File   string         `json:"file"`
				Scores measure.Scores `json:"scores"`
			}{name, scores})
		} else {
			if n > 0 {
				fmt.Fprintln(stdout)
			}
			_, err = fmt.Fprintf(stdout, "%s\n\n%s", name, scores.Table())
		}
		if err != nil {
			fmt.Fprintln(stderr, "measure:", err)
			return 2
		}
		if err := scores.Check(least); err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				fmt.Fprintf(stderr, "%s: %s\n", name, line)
			}
			status = 1
		}
	}
	return status
}

// displayed returns how a file is called in the output.
func displayed(name string) string {
	switch name {
	case "":
		return "the sample"
	case "-":
		return "standard input"
	}
	return name
}

// scoresOf measures a file, "" for the sample.
func scoresOf(ctx context.Context, name string, stdin io.Reader, techniques []string) (measure.Scores, error) {
	in := stdin
	switch name {
	case "":
		in = bytes.NewReader(sample)
	case "-":
	default:
		f, err := os.Open(name)
		if err != nil {
			return measure.Scores{}, err
		}
		defer f.Close()
		in = f
	}
	var set []measure.Labelled
	for l, err := range measure.Read(in) {
		if err != nil {
			return measure.Scores{}, err
		}
		set = append(set, l)
	}
	if len(set) == 0 {
		return measure.Scores{}, errors.New("there is no alert")
	}
	placed, err := measure.Correlate(ctx, set, nil)
	if err != nil {
		return measure.Scores{}, err
	}
	return measure.Compute(placed, techniques), nil
}

var technique = regexp.MustCompile(`^[Tt][0-9]{4}(\.[0-9]{3})?$`)

// listed reads the file of techniques, none if it has no name.
func listed(name string) (ids []string, err error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		id := strings.TrimSpace(lines.Text())
		if id == "" || strings.HasPrefix(id, "#") {
			continue
		}
		if !technique.MatchString(id) {
			return nil, fmt.Errorf("%s: line %d: %q: want a technique such as T1059 or T1059.001", name, n, id)
		}
		ids = append(ids, id)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return ids, nil
}
