package measure_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/incidentkit/incidentkit/incident/incidenttest/measure"
)

func Example() {
	set := strings.NewReader(`
{"attack": "a1", "id": "1", "at": "2026-03-02T09:00:00Z", "rule": "LSASS dump", "device": "ws-1"}
{"attack": "a1", "id": "2", "at": "2026-03-02T09:01:00Z", "rule": "Archive made", "device": "ws-1"}
{"attack": "",   "id": "3", "at": "2026-03-02T09:02:00Z", "rule": "Deployment", "device": "ws-1"}`)
	var labelled []measure.Labelled
	for l, err := range measure.Read(set) {
		if err != nil {
			fmt.Println(err)
			return
		}
		labelled = append(labelled, l)
	}
	placed, err := measure.Correlate(context.Background(), labelled, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	scores := measure.Compute(placed, nil)
	fmt.Printf("precision %.2f, recall %.2f\n", scores.Precision, scores.Recall)
	fmt.Println(scores.Keys[0].Key, "joined", scores.Keys[0].Wrongly, "alert wrongly")
	fmt.Println(scores.Check(measure.Thresholds{Recall: 0.9, Exact: 1}))
	// Output:
	// precision 0.33, recall 1.00
	// host:ws-1 joined 1 alert wrongly
	// measure: exact is 0, below 1
}
