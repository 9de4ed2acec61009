// Report makes six reports that show what one looks like, from the smallest to one of hundreds of pages.
//
//	report [-o DIR] [-only NAME] [-format pdf,html,markdown,json]
//
// Each is a story of its own on a storage in memory: alerts come in, people work the incident, and what is left is
// collected and drawn. Nothing is read from anywhere, and every run writes the same bytes.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/incidentkit/incidentkit/export"
	"github.com/incidentkit/incidentkit/export/fonts/cjk"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// run writes the reports that args ask for and says on out what it wrote.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // what is wrong with args is the error
	dir := flags.String("o", "reports", "write the reports to this `folder`, which is made if it is missing")
	only := flags.String("only", "", "make this one alone: "+names())
	format := flags.String("format", "pdf", "pdf, html, markdown, json or indicators, or several with commas between them")
	var layout export.Layout
	flags.TextVar(&layout.Profile, "profile", export.Technical, "technical or executive")
	flags.TextVar(&layout.TLP, "tlp", export.Unmarked, "label of the Traffic Light Protocol, such as TLP:AMBER")
	flags.StringVar(&layout.Organisation, "organisation", "", "whose reports they are")
	flags.StringVar(&layout.Accent, "accent", "", "colour of rules and headings, such as #24405c")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(out)
		flags.Usage()
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	formats, err := parseFormats(*format)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*dir, 0o777); err != nil {
		return fmt.Errorf("make the folder of the reports: %w", err)
	}
	// Every report is given the font; one that has no Chinese, Japanese or Korean text is not larger for it.
	paper := &export.PDFOptions{Fonts: [][]byte{cjk.TTF()}}
	for _, s := range chosen {
		r, err := s.report(ctx)
		if err != nil {
			return fmt.Errorf("report %q: %w", s.name, err)
		}
		r.Layout = layout
		var files []string
		for _, f := range formats {
			path := filepath.Join(*dir, s.name+extension(f))
			if err := write(ctx, path, r, f, paper); err != nil {
				return err
			}
			files = append(files, path)
		}
		fmt.Fprintf(out, "%s: %s\n", strings.Join(files, ", "), s.shows)
	}
	return nil
}

// choose returns the story with that name, all of them where name is "".
func choose(name string) ([]story, error) {
	if name == "" {
		return stories, nil
	}
	for _, s := range stories {
		if s.name == name {
			return []story{s}, nil
		}
	}
	return nil, fmt.Errorf("there is no report %q, only %s", name, names())
}

// names returns those of all stories.
func names() string {
	var all []string
	for _, s := range stories {
		all = append(all, s.name)
	}
	return strings.Join(all, ", ")
}

func parseFormats(list string) (formats []export.Format, err error) {
	for name := range strings.SplitSeq(list, ",") {
		f, err := export.ParseFormat(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		formats = append(formats, f)
	}
	return formats, nil
}

// extension returns how names of files of a format end.
func extension(f export.Format) string {
	switch f {
	case export.Markdown:
		return ".md"
	case export.Indicators:
		return ".csv"
	}
	return "." + f.String()
}

// write draws r in one format into a file. What cannot be drawn leaves no file behind.
func write(ctx context.Context, path string, r export.Report, f export.Format, paper *export.PDFOptions) error {
	var b bytes.Buffer
	if err := render(ctx, &b, r, f, paper); err != nil {
		return fmt.Errorf("draw %s: %w", path, err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		return fmt.Errorf("keep a report: %w", err) // the error names the file
	}
	return nil
}

func render(ctx context.Context, w io.Writer, r export.Report, f export.Format, paper *export.PDFOptions) error {
	switch f {
	case export.HTML:
		return export.WriteHTML(ctx, w, r)
	case export.Markdown:
		return export.WriteMarkdown(ctx, w, r)
	case export.JSON:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	case export.Indicators:
		return export.WriteIndicatorsCSV(ctx, w, r)
	}
	return export.WritePDF(ctx, w, r, paper)
}
