package export

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// A Tree is the processes of one device, each below the one that started it.
type Tree struct {
	Device string     `json:"device,omitempty"` // name, or else its identifier; "" when no alert tells it
	Rows   []TreeNode `json:"rows"`             // depth first, siblings in the order of time
}

// A TreeNode is one process.
type TreeNode struct {
	Depth   int           `json:"depth"`            // 0 for the first ones, at most 11: what is deeper stays there
	Key     alert.Key     `json:"key,omitempty"`    // of its finding; "" for one that is named as a parent only
	Process alert.Process `json:"process"`          // as far as it is known
	Time    time.Time     `json:"time,omitzero"`    // when it started or, if no alert tells, the first activity of its alerts
	Alerts  []alert.ID    `json:"alerts,omitempty"` // that name it, of a parent the alerts that name it so, in the order of time

	Verdict alert.EvidenceVerdict `json:"verdict,omitempty"` // the worst
}

const maxDepth = 12 // levels of a tree

// trees returns the processes of alerts, by the name of their device. Those of no known device come last.
func trees(alerts []alert.Alert) []Tree {
	alerts = inTime(alerts)
	f := newFamily(alerts)
	below := make(map[int][]int)
	var roots []int
	for n, p := range f.processes {
		if p.parent < 0 {
			roots = append(roots, n)
		} else {
			below[p.parent] = append(below[p.parent], n)
		}
	}
	inOrder := func(a, b int) int {
		x, y := f.processes[a].at, f.processes[b].at
		switch {
		case x.IsZero() && !y.IsZero():
			return 1
		case y.IsZero() && !x.IsZero():
			return -1
		}
		return cmp.Or(x.Compare(y), cmp.Compare(a, b))
	}
	places := make(map[entityID]int)
	var list []Tree
	slices.SortFunc(roots, inOrder)
	for _, root := range roots {
		id := f.processes[root].device
		at, ok := places[id]
		if !ok {
			at = len(list)
			places[id] = at
			list = append(list, Tree{Device: cmp.Or(f.names[id], deviceOfProcess(f.processes[root].Process))})
		}
		type step struct{ process, depth int }
		for next := []step{{root, 0}}; len(next) > 0; {
			last := next[len(next)-1]
			next = next[:len(next)-1]
			p := f.processes[last.process]
			row := TreeNode{Depth: min(last.depth, maxDepth-1), Key: p.key, Process: p.Process, Time: p.at, Verdict: p.verdict}
			for _, n := range p.alerts {
				row.Alerts = append(row.Alerts, alerts[n].ID)
			}
			list[at].Rows = append(list[at].Rows, row)
			children := below[last.process]
			slices.SortFunc(children, inOrder)
			for _, c := range slices.Backward(children) {
				next = append(next, step{c, last.depth + 1})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Tree) int {
		switch {
		case a.Device == b.Device:
			return 0
		case a.Device == "":
			return 1
		case b.Device == "":
			return -1
		}
		return words.ByName(a.Device, b.Device)
	})
	return list
}

// A family is the processes of alerts, with their devices and parents.
type family struct {
	names     map[entityID]string  // of devices
	anonymous map[entityID]bool    // devices without the identifier that processes name
	homes     []entityID           // of each alert: the device that it is about
	processes []process            // in the order in which they are first named, their parents that are no evidence last
	places    map[processID]int    // of processes that are evidence
	numbered  map[numberedID][]int // the same, by what children call them
	pictured  map[picturedID][]int // the same, by the name of their program
}

// A process is one row of a tree.
type process struct {
	alert.Process
	processID
	parent  int // place, -1 for none
	alerts  []int
	at      time.Time
	verdict alert.EvidenceVerdict
}

type processID struct {
	device entityID
	key    alert.Key // "" for what is no evidence
}

type numberedID struct {
	device entityID
	pid    int64
}

type picturedID struct {
	device entityID
	image  string
}

// newFamily reads alerts, which are in the order of time.
func newFamily(alerts []alert.Alert) family {
	f := family{
		names: make(map[entityID]string), anonymous: make(map[entityID]bool), homes: make([]entityID, len(alerts)),
		places: make(map[processID]int), numbered: make(map[numberedID][]int), pictured: make(map[picturedID][]int),
	}
	for n, a := range alerts {
		f.homes[n] = f.home(a)
	}
	for n, a := range alerts {
		for _, v := range a.Evidence {
			if p, ok := v.Entity.(alert.Process); ok {
				f.add(n, a, p, v.Verdict)
			}
		}
	}
	for n, p := range f.processes {
		f.numbered[numberedID{p.device, p.PID}] = append(f.numbered[numberedID{p.device, p.PID}], n)
		image := picturedID{p.device, pictured(p.Image)}
		f.pictured[image] = append(f.pictured[image], n)
	}
	f.adopt()
	return f
}

// home returns the device that a is about: the only one; or the one that something went to, for what stands
// without a device beside two is what was brought there; or the one that is hit; or the first.
func (f *family) home(a alert.Alert) entityID {
	var best entityID
	highest := -1
	moved := scene{Alert: a}.lateral()
	for _, v := range a.Evidence {
		if v.Entity == nil || v.Entity.Kind().Asset() != alert.Devices {
			continue
		}
		id := idOf(v.Entity)
		if f.names[id] == "" {
			f.names[id] = v.Entity.Name()
		}
		if d, ok := v.Entity.(alert.Device); !ok || strings.TrimSpace(d.DeviceID) == "" {
			f.anonymous[id] = true
		}
		p := part{roles: v.Roles}
		rank := 0
		switch {
		case p.plays(alert.Source, alert.Attacker):
			rank = 2
		case p.plays(alert.Compromised):
			rank = 3
		case p.plays(alert.Attacked, alert.Destination):
			rank = 1
		}
		if moved && p.plays(alert.Source, alert.Attacker) {
			rank = -1
		} else if moved && rank > 0 {
			rank = 4
		}
		if rank = rank + 1; rank > highest {
			best, highest = id, rank
		}
	}
	return best
}

// deviceOfProcess returns the identifier of the device that p ran on, as far as it is known.
func deviceOfProcess(p alert.Process) string { return cmp.Or(p.DeviceID, p.Image.DeviceID) }

// deviceOf returns the device that something is on that the alert at a place names with the identifier of its
// device, or without.
func (f *family) deviceOf(at int, deviceID string) entityID {
	home := f.homes[at]
	if strings.TrimSpace(deviceID) == "" {
		return home
	}
	device := alert.Device{DeviceID: deviceID}
	id := idOf(device)
	if f.names[id] == "" && home != (entityID{}) && f.anonymous[home] {
		return home // which may well be that one
	}
	return id
}

func (f *family) add(at int, a alert.Alert, p alert.Process, v alert.EvidenceVerdict) {
	id := processID{f.deviceOf(at, deviceOfProcess(p)), alert.Identity(p)}
	n, ok := f.places[id]
	if !ok {
		n = len(f.processes)
		f.places[id] = n
		first := p.Started
		if first.IsZero() {
			first = a.FirstActivity
		}
		f.processes = append(f.processes, process{Process: p, processID: id, parent: -1, at: first})
	}
	have := &f.processes[n]
	have.verdict = worse(have.verdict, v)
	if len(have.alerts) == 0 || have.alerts[len(have.alerts)-1] != at {
		have.alerts = append(have.alerts, at)
	}
	have.CommandLine = cmp.Or(have.CommandLine, p.CommandLine)
	if have.User == (alert.User{}) {
		have.User = p.User
	}
	if !hasParent(have.Process) {
		have.ParentPID, have.ParentStarted, have.ParentImage = p.ParentPID, p.ParentStarted, p.ParentImage
	}
}

// hasParent reports whether p tells of a parent, other than itself.
func hasParent(p alert.Process) bool {
	if p.ParentPID == 0 {
		return pictured(p.ParentImage) != ""
	}
	return p.ParentPID != p.PID || !p.ParentStarted.IsZero() && !sameMoment(p.ParentStarted, p.Started)
}

// pictured returns what a program is called by, "" if nothing tells.
func pictured(f alert.File) string {
	return strings.ToLower(cmp.Or(f.FileName, f.SHA256, f.SHA1, f.MD5))
}

// adopt finds the parents of processes. One that is no evidence is added.
func (f *family) adopt() {
	type strangerID struct {
		device  entityID
		pid     int64
		started int64
		image   string
	}
	strangers := make(map[strangerID]int)
	for n := range len(f.processes) {
		child := f.processes[n]
		if !hasParent(child.Process) {
			continue
		}
		if parent := f.parent(child.device, child.Process, n); parent >= 0 {
			if !f.descends(parent, n) {
				f.processes[n].parent = parent
			}
			continue
		}
		id := strangerID{child.device, child.ParentPID, child.ParentStarted.UnixMicro(), pictured(child.ParentImage)}
		at, ok := strangers[id]
		if !ok {
			at = len(f.processes)
			strangers[id] = at
			f.processes = append(f.processes, process{
				Process:   alert.Process{PID: child.ParentPID, Started: child.ParentStarted, Image: child.ParentImage, DeviceID: deviceOfProcess(child.Process)},
				processID: processID{device: child.device}, parent: -1, at: child.ParentStarted,
			})
		}
		stranger := &f.processes[at]
		stranger.alerts = append(stranger.alerts, child.alerts...)
		slices.Sort(stranger.alerts)
		stranger.alerts = slices.Compact(stranger.alerts)
		if child.ParentStarted.IsZero() && (stranger.at.IsZero() || !child.at.IsZero() && child.at.Before(stranger.at)) {
			stranger.at = child.at
		}
		f.processes[n].parent = at
	}
}

// descends reports whether the process a is b or was started below it.
func (f *family) descends(a, b int) bool {
	for ; a >= 0; a = f.processes[a].parent {
		if a == b {
			return true
		}
	}
	return false
}

// parent returns the place of the parent of p among the processes of a device, -1 if it is not among them. It
// is not the one at the place self.
func (f *family) parent(device entityID, p alert.Process, self int) int {
	among := f.numbered[numberedID{device, p.ParentPID}]
	image := pictured(p.ParentImage)
	if p.ParentPID == 0 {
		among = f.pictured[picturedID{device, image}]
	}
	best := -1
	for _, n := range among {
		have := f.processes[n]
		switch {
		case n == self:
		case !p.ParentStarted.IsZero() && !have.Started.IsZero() && !sameMoment(have.Started, p.ParentStarted):
		case p.ParentStarted.IsZero() && !p.Started.IsZero() && have.Started.After(p.Started): // a number that was used again
		case image != "" && pictured(have.Image) != "" && pictured(have.Image) != image:
		case best < 0 || have.Started.After(f.processes[best].Started):
			best = n
		}
	}
	return best
}

// sameMoment compares times as storages keep them.
func sameMoment(a, b time.Time) bool {
	return a.Truncate(time.Microsecond).Equal(b.Truncate(time.Microsecond))
}

// parentOf returns the key of the parent of a process as the alert at a place tells, "" if it is no evidence.
func (f *family) parentOf(at int, p alert.Process) alert.Key {
	device := f.deviceOf(at, deviceOfProcess(p))
	n, ok := f.places[processID{device, alert.Identity(p)}]
	if !ok || !hasParent(p) {
		return ""
	}
	if parent := f.parent(device, p, n); parent >= 0 && parent == f.processes[n].parent {
		return f.processes[parent].key
	}
	return ""
}
