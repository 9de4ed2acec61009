package export

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"iter"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/words"
	"github.com/incidentkit/incidentkit/incident"
)

func queue(list ...incident.Incident) iter.Seq2[incident.Incident, error] {
	return func(yield func(incident.Incident, error) bool) {
		for _, i := range list {
			if !yield(i, nil) {
				return
			}
		}
	}
}

// rows reads a queue as another program would, without its titles.
func rows(t require.TestingT, list iter.Seq2[incident.Incident, error], o *QueueOptions) (found [][]string, more bool) {
	var b bytes.Buffer
	more, err := WriteQueueCSV(context.Background(), &b, list, o)
	require.NoError(t, err)
	found, err = csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	require.Equal(t, queueColumns, found[0])
	return found[1:], more
}

func TestQueueCSVGolden(t *testing.T) {
	c, _ := sample(t, 12)
	odd := incident.Incident{ID: "inc-2", Number: 7, Name: `=HYPERLINK("http://evil.example","x")`,
		Tags: []incident.Tag{{Name: "a,b"}, {Name: "c"}}, RedirectTo: "inc-1", Status: incident.Redirected}
	odd.Alerts.SystemTags = []incident.Tag{{Name: "ransomware"}, {Name: "C"}}
	var b bytes.Buffer
	more, err := WriteQueueCSV(t.Context(), &b, queue(c.Incident, odd), &QueueOptions{Location: time.FixedZone("",
		5*3600+1800)})
	require.NoError(t, err)
	assert.False(t, more)
	if *update {
		require.NoError(t, os.WriteFile("testdata/queue.csv", b.Bytes(), 0o644))
	}
	want, err := os.ReadFile("testdata/queue.csv")
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
}

// The most that Defender exports; one more is said and not written.
func TestQueueCSVIsCapped(t *testing.T) {
	asked := 0
	endless := func(yield func(incident.Incident, error) bool) {
		for asked++; yield(incident.Incident{ID: "x"}, nil); asked++ {
		}
	}
	found, more := rows(t, endless, nil)
	assert.Len(t, found, MaxQueueRows)
	assert.True(t, more)
	assert.Equal(t, MaxQueueRows+1, asked)

	exactly := func(yield func(incident.Incident, error) bool) {
		for range MaxQueueRows {
			if !yield(incident.Incident{}, nil) {
				return
			}
		}
	}
	found, more = rows(t, exactly, nil)
	assert.Len(t, found, MaxQueueRows)
	assert.False(t, more)
}

// plainCell is how a program has the text of a cell back, as WriteQueueCSV says.
func plainCell(cell string) string {
	return regexp.MustCompile(`(^|[;\t\n])'`).ReplaceAllString(cell, "$1")
}

// No cell is a formula, wherever a reader splits, and nothing is lost. Covers P8 and P6.
func TestQueueCSVHasNoFormulas(t *testing.T) {
	formula := regexp.MustCompile(`^[\pZ\s\x{FEFF}\x{200B}"“”‘’«»„]*[=+\-@＝＋－＠﹦﹢﹣﹫−]`)
	check := func(t require.TestingT, name string) {
		var b bytes.Buffer
		_, err := WriteQueueCSV(context.Background(), &b,
			queue(incident.Incident{Number: -7, Name: name, Owner: incident.Owner{ID: name},
				Tags: []incident.Tag{{Name: name}, {Name: name}}}), nil)
		require.NoError(t, err)
		text := strings.SplitN(b.String(), "\r\n", 2)[1]
		found, err := csv.NewReader(&b).ReadAll()
		require.NoError(t, err)
		require.Equal(t, "-7", found[1][0], "a number of ours")
		for _, n := range []int{1, 2, 6} {
			cell := found[1][n]
			require.False(t, formula.MatchString(cell) && cell[0] != '\'', "%q", cell)
			require.NotContains(t, "\t\r\n", (cell + "x")[:1])
			want := words.Visible(name)
			if n == 2 {
				want += "; " + want
			}
			require.Equal(t, want, plainCell(cell))
		}
		for _, cell := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(";\t\r\n", r) }) {
			if cell != "" && cell[0] != '\'' && !strings.HasPrefix(cell, "-7,") {
				require.False(t, formula.MatchString(cell), "%q of %q", cell, text)
			}
		}
		require.NotContains(t, text, "\x00")
	}
	for _, attack := range []string{
		"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "－1", " =1", "\u00a0=1", "\ufeff=1", "\u200b=1",
		"'=1", "'tis", "\x00=1",
		`"=1"`, "a\r\nb", "\xff", ";=1", "|cmd", "x;=cmd|' /C calc'!A0", "a\t=1+1", "a\r\n=1", "a; \"=1\"", "a;'=1",
		"a;''b", "'", ";", "\t", "\n'", "''", "“=1", "a;＠x",
		"; \t =1", "a;b;-1;c", "﹦1", "−1",
	} {
		check(t, attack)
	}
	for text, want := range map[string]string{
		"": "", "plain": "plain", "a-b = c": "a-b = c", "a; b": "a; b", "it's": "it's", "-5": "'-5", " =1": "' =1",
		"x;=cmd": "x;'=cmd", "a\t=1": "a\t'=1",
		"a;'b": "a;''b", "a; =b": "a;' =b", `"=1`: `'"=1`, "\tx": "'\tx", "a\tb": "a\tb", ";x": ";x",
	} {
		assert.Equal(t, want, harmless(text))
	}
	rapid.Check(t, func(rt *rapid.T) {
		piece := rapid.OneOf(rapid.SampledFrom([]string{"=", "+", "-", "@", "＝", "\t", "\r", "\n", "'", `"`, ";", ",",
			" ", "x", "\ufeff", "\u3000"}), rapid.String())
		check(rt, strings.Join(rapid.SliceOf(piece).Draw(rt, "name"), ""))
	})
}

func TestQueueCSVErrors(t *testing.T) {
	down := errors.New("down")
	failing := func(yield func(incident.Incident, error) bool) {
		_ = yield(incident.Incident{Name: "first"}, nil) && yield(incident.Incident{}, down)
	}
	var b bytes.Buffer
	_, err := WriteQueueCSV(t.Context(), &b, failing, nil)
	assert.ErrorIs(t, err, down)
	assert.Contains(t, b.String(), "first")
	_, err = WriteQueueCSV(t.Context(), brokenWriter{io.ErrClosedPipe}, queue(), nil)
	assert.ErrorIs(t, err, io.ErrClosedPipe)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = WriteQueueCSV(ctx, &b, queue(), nil)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestQueueCSVTells(t *testing.T) {
	i := incident.Incident{}
	i.Alerts.Count = 5
	i.Alerts.ByStatus[alert.StatusResolved] = 2
	found, _ := rows(t, queue(i), nil)
	assert.Equal(t, []string{"3", "5"}, found[0][11:13])
	assert.Equal(t, "", found[0][17], "a time that nobody knows")
}
