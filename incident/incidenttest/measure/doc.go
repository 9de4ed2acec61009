// Package measure compares incidents with labels: which alerts belong to one attack, and which are benign noise. It
// computes how well a correlator groups the alerts, and which keys make it join the wrong ones.
//
//	for l, err := range measure.Read(file) { … }                 // a labelled set
//	placed, err := measure.Correlate(ctx, labelled, nil)         // grouped by the default correlator
//	scores := measure.Compute(placed, nil)
//	fmt.Print(scores.Table())
//	err = scores.Check(measure.Thresholds{F1: 0.9, Exact: 100})
//
// A program that ingests alerts itself fills []Placed with [Collect], from the reader of its storage.
//
// # Definitions
//
// A label is the name of an attack. The label "" means noise: an alert that belongs to no attack. Incidents are
// those in which the alerts are when everything was ingested, because an alert that links two incidents merges them.
//
//   - Pair: two alerts. It is true when both are of one attack and in one incident, false when they are in one
//     incident and not of one attack, missed when they are of one attack and not in one incident. Two noise alerts
//     are never a pair.
//   - Precision: true pairs of all pairs in one incident. Recall: true pairs of all pairs of one attack. F1: their
//     harmonic mean. Each is 1 when there is nothing that it could count, because nothing was wrong. One incident
//     with many alerts dominates the pairs, so look at the attacks, too.
//   - Exact: an attack with all its alerts in one incident that has no other alert, noise included.
//   - Split: an attack with alerts in several incidents.
//   - Glued: an attack that shares an incident with another attack or with noise. An attack can be split and glued.
//   - Join: an alert and a key by which its links say that it joined its incident. The join is on the alerts that came
//     before it, have an [alert.Identifier] with that key and are in its incident. Links that were held back are no
//     joins, and neither are links without a key.
//   - Wrong join: a join on at least one alert such that both are a false pair. [Join.Wrong] counts these pairs.
//     False pairs that no key joins directly follow from several joins, so that the wrong pairs of all keys can be
//     fewer than the false pairs. A pair that two keys join counts for both.
//   - Bridge: an alert whose joins connect alerts of different attacks, where neither side had an alert of an attack
//     of the other. The alert is a side itself unless it is noise; the other sides are the alerts that joins have
//     connected so far, be it through noise. A bridge counts for each key of the shortest chain of joins from it to an
//     alert of the other side that has an attack. The alerts between are noise. Bridges show which keys made one
//     incident out of many attacks. A key may have bridges and no wrong pair, where it links noise with noise.
//   - Missed join: an alert and another incident that already had alerts of its attack. What they share, by
//     [alert.Identifier.Meets], did not link them; [Miss] counts by namespace and reason.
//
// An alert without an incident is alone. Its attack is not exact, and split when the attack has other alerts.
//
// # Errors
//
// Errors of [Read] name the line, the field and what was expected, and match [alert.ErrInvalid] unless they come from
// the reader. The others are those of the manager and the storage. [Scores.Check] returns [*BelowError] values.
//
// # Limits
//
// [Compute] holds all alerts in memory, and takes time in proportion to their number and the number of their keys. For
// an attack that is split, the number of its alerts times the number of its incidents comes on top.
package measure
