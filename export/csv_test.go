package export

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"iter"
	"os"
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
	odd := incident.Incident{ID: "inc-2", Number: 7, Name: `=HYPERLINK("http://evil.example","x")`, Tags: []incident.Tag{{Name: "a,b"}, {Name: "c"}}, RedirectTo: "inc-1", Status: incident.Redirected}
	odd.Alerts.SystemTags = []incident.Tag{{Name: "ransomware"}, {Name: "C"}}
	var b bytes.Buffer
	more, err := WriteQueueCSV(t.Context(), &b, queue(c.Incident, odd), &QueueOptions{Location: time.FixedZone("", 5*3600+1800)})
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

// No cell is a formula, and an apostrophe is all that was added. Covers P8 and P6.
func TestQueueCSVHasNoFormulas(t *testing.T) {
	check := func(t require.TestingT, name string) {
		found, _ := rows(t, queue(incident.Incident{Name: name, Owner: incident.Owner{ID: name}, Tags: []incident.Tag{{Name: name}}}), nil)
		for _, n := range []int{1, 2, 6} {
			cell := found[0][n]
			if cell != "" {
				require.NotContains(t, "\t\r\n", cell[:1])
				require.NotContains(t, "=+-@＝＋－＠", string([]rune(strings.TrimSpace(cell))[:1]))
			}
			require.Equal(t, words.Visible(name), strings.TrimPrefix(cell, "'"))
		}
		for _, cell := range found[0] {
			require.NotContains(t, cell, "\x00")
		}
	}
	for _, attack := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", " =1", "\u00a0=1", "'=1", "'tis", "\x00=1", `"=1"`, "a\r\nb", "\xff", ";=1", "|cmd"} {
		check(t, attack)
	}
	rapid.Check(t, func(rt *rapid.T) {
		check(rt, rapid.SampledFrom([]string{"", "=", "+", "-", "@", "\t", "\r", "\n", "'", " ", "x"}).Draw(rt, "first")+rapid.String().Draw(rt, "rest")+"z")
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
