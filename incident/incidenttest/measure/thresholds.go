package measure

import "errors"

// Thresholds are the least values that scores must have. Zero means that the measure does not matter.
type Thresholds struct {
	Precision  float64 `json:"precision,omitempty"`
	Recall     float64 `json:"recall,omitempty"`
	F1         float64 `json:"f1,omitempty"`
	Exact      int     `json:"exact,omitempty"`      // attacks found exactly
	Techniques int     `json:"techniques,omitempty"` // of the list that are covered
}

// A BelowError says that a measure is below its threshold.
type BelowError struct {
	Measure   string  `json:"measure"` // the name of the field of Thresholds in JSON, such as "f1"
	Figure    float64 `json:"figure"`  // what it is
	Threshold float64 `json:"threshold"`
}

// Error names the measure, the figure and the threshold.
func (e *BelowError) Error() string {
	return "measure: " + e.Measure + " is " + decimal(e.Figure) + ", below " + decimal(e.Threshold)
}

// Check returns a [*BelowError] for each measure that is below its threshold, joined, in the order of the fields; nil
// when there is none.
func (s Scores) Check(least Thresholds) error {
	var below []error
	check := func(measure string, figure, threshold float64) {
		if threshold != 0 && !(figure >= threshold) { // NaN is reached by nothing
			below = append(below, &BelowError{measure, figure, threshold})
		}
	}
	check("precision", s.Precision, least.Precision)
	check("recall", s.Recall, least.Recall)
	check("f1", s.F1, least.F1)
	check("exact", float64(s.Exact), float64(least.Exact))
	check("techniques", float64(len(s.Techniques.Covered)), float64(least.Techniques))
	return errors.Join(below...)
}
