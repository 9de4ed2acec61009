package figure

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Chart is events along a time axis, in lanes from top to bottom.
type Chart struct {
	Lanes  []Lane
	Axis   string         // what stands before the axis, such as "Time (UTC)"
	Offset int            // of the clock of the axis from UTC, in seconds to the east
	Nowhen string         // heads the column of what has no time
	Levels [levels]string // their names
}

// A Lane is one row of a chart.
type Lane struct {
	Title string   // cut with an ellipsis where it is too long
	Note  string   // below it, as Title
	More  []string // after Note as many as there is room for, and the number of the others
	Marks []Event
}

// An Event is what a mark stands for.
type Event struct {
	At    int64 // seconds since 1970
	Timed bool  // At is known
	Level Level
}

const (
	lanePitch  = 27 * point
	markSize   = 8 * point
	plotLeft   = 9 * point  // before the first mark
	plotRight  = 26 * point // after the last one, for its number
	legendHigh = 15 * point
	rowHigh    = 10 * point // of the labels of the axis
	nowhenWide = 46 * point
)

// Chart lays c out. A mark stands at the time of its event and has the shape of its level. Marks that would touch are
// one, which has the shape of the highest and their number beside it.
func (s Sheet) Chart(c Chart) Picture {
	p := Picture{Width: s.Width}
	if len(c.Lanes) == 0 {
		return p
	}
	var seen [levels]bool
	nowhen, timed := false, false
	var from, to int64
	for _, l := range c.Lanes {
		for _, e := range l.Marks {
			seen[min(int(e.Level), levels-1)] = true
			switch {
			case !e.Timed:
				nowhen = true
			case !timed:
				from, to, timed = e.At, e.At, true
			default:
				from, to = min(from, e.At), max(to, e.At)
			}
		}
	}
	left, right := min(s.Width*3/10, 150*point), s.Width
	if nowhen {
		right -= nowhenWide
	}
	a := axis{s: s, from: from, to: to, left: left + plotLeft, right: right - plotRight, offset: int64(c.Offset)}
	bottom := legendHigh + len(c.Lanes)*lanePitch
	p.Height = bottom + 4*point + 2*rowHigh

	for n := range c.Lanes {
		if n%2 == 0 {
			p.box(0, legendHigh+n*lanePitch, s.Width, lanePitch, Shade)
		}
	}
	if timed {
		s.axis(&p, c, a, bottom, left, right)
	}
	if nowhen {
		p.line(right, legendHigh, 0, bottom-legendHigh, 500, Faint)
		s.text(&p, right+5*point, bottom+4*point+capital(noteSize), s.clip(c.Nowhen, noteSize, false, nowhenWide-5*point), noteSize, false, Quiet)
	}
	s.legend(&p, c, seen)
	for n, l := range c.Lanes {
		s.lane(&p, l, legendHigh+n*lanePitch, left, right, a)
	}
	return p
}

// axis draws the lines of the ticks and what they say.
func (s Sheet) axis(p *Picture, c Chart, a axis, bottom, left, right int) {
	base := bottom + 4*point + capital(noteSize)
	for _, t := range a.ticks() {
		p.line(t.x, legendHigh, 0, bottom-legendHigh+2*point, 500, Faint)
		s.text(p, t.left, base, t.text, noteSize, false, Quiet)
		s.text(p, t.below, base+rowHigh, t.day, noteSize, false, Quiet)
	}
	p.line(left, bottom, right-left, 0, 700, Quiet)
	s.text(p, 0, base, s.clip(c.Axis, noteSize, false, left-5*point), noteSize, false, Quiet)
}

// legend says what the marks mean that there are.
func (s Sheet) legend(p *Picture, c Chart, seen [levels]bool) {
	x := 0
	for l := levels - 1; l >= 0; l-- {
		if seen[l] {
			p.mark(x+markSize/2, 5*point, markSize, Level(l))
			x += markSize + 4*point
			x += s.text(p, x, 5*point+capital(noteSize)/2, c.Levels[l], noteSize, false, Quiet) + 12*point
		}
	}
}

func (s Sheet) lane(p *Picture, l Lane, y, left, right int, a axis) {
	const pad, apart = 4 * point, 10 * point
	room := left - 2*pad
	base := y + (lanePitch-capital(textSize)-apart)/2 + capital(textSize)
	s.text(p, pad, base, s.clip(l.Title, textSize, true, room), textSize, true, Black)
	s.text(p, pad, base+apart, s.note(l, room), noteSize, false, Quiet)

	middle := y + lanePitch/2
	var events []Event
	var nowhen []Level
	for _, e := range l.Marks {
		if e.Level = min(e.Level, LevelHigh); e.Timed {
			events = append(events, e)
		} else {
			nowhen = append(nowhen, e.Level)
		}
	}
	slices.SortFunc(events, func(a, b Event) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(b.Level, a.Level)) })
	for k := 0; k < len(events); {
		x, n, highest := a.x(events[k].At), 1, events[k].Level
		for ; k+n < len(events) && a.x(events[k+n].At)-markSize/2 < x+s.bunch(n)+point; n++ {
			highest = max(highest, events[k+n].Level)
		}
		s.marks(p, x, middle, n, highest)
		k += n
	}
	if len(nowhen) > 0 {
		s.marks(p, right+5*point+markSize/2, middle, len(nowhen), slices.Max(nowhen))
	}
}

// bunch returns how far a mark for n events reaches to the right of its middle.
func (s Sheet) bunch(n int) int {
	if n == 1 {
		return markSize / 2
	}
	return markSize/2 + 2*point + s.Wide(strconv.Itoa(n), noteSize, true)
}

func (s Sheet) marks(p *Picture, x, y, n int, highest Level) {
	p.mark(x, y, markSize, highest)
	if n > 1 {
		s.text(p, x+markSize/2+2*point, y+capital(noteSize)/2, strconv.Itoa(n), noteSize, true, Black)
	}
}

// note returns what stands below the title of a lane.
func (s Sheet) note(l Lane, room int) string {
	const most = 20 // of which no more fit
	for n := min(len(l.More), most); n > 0; n-- {
		text := l.Note + " · " + strings.Join(l.More[:n], ", ")
		if n < len(l.More) {
			text += " +" + strconv.Itoa(len(l.More)-n)
		}
		if s.Wide(text, noteSize, false) <= room {
			return text
		}
	}
	return s.clip(l.Note, noteSize, false, room)
}

// An axis maps times to places.
type axis struct {
	s           Sheet
	from, to    int64
	left, right int
	offset      int64
}

// x returns where a time stands. What happened at one moment stands in the middle.
func (a axis) x(at int64) int {
	if a.from == a.to {
		return (a.left + a.right) / 2
	}
	return a.left + int((at-a.from)*int64(a.right-a.left)/(a.to-a.from))
}

// A tick is a place of the axis with what it says: in full once a day, or a year.
type tick struct {
	x           int
	left, below int // where its texts begin
	text, day   string
}

// A step is the distance of ticks: seconds or months.
type step struct {
	seconds, months int64
	text, day       string // layouts
}

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
)

func steps() []step {
	var list []step
	for _, n := range []int64{1, 2, 5, 10, 15, 30} {
		list = append(list, step{n, 0, "15:04:05", time.DateOnly})
	}
	for _, n := range []int64{minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour} {
		list = append(list, step{n, 0, "15:04", time.DateOnly})
	}
	for _, n := range []int64{day, 2 * day, 7 * day, 14 * day} {
		list = append(list, step{n, 0, "2 Jan", "2006"})
	}
	for _, n := range []int64{1, 2, 3, 6} {
		list = append(list, step{0, n, "Jan", "2006"})
	}
	for n := int64(12); n < 12*10_000; n *= 10 {
		for _, m := range []int64{1, 2, 5} {
			list = append(list, step{0, n * m, "2006", ""})
		}
	}
	return list
}

// ticks returns those of the smallest step whose texts do not touch.
func (a axis) ticks() []tick {
	for _, s := range steps() {
		if a.from == a.to {
			break
		}
		if list, ok := a.every(s); ok && len(list) > 0 {
			return list
		}
	}
	list, _ := a.set([]int64{a.from + a.offset}, step{1, 0, "15:04:05", time.DateOnly})
	return list
}

// every returns a tick for each step, and whether there is room for them.
func (a axis) every(s step) ([]tick, bool) {
	const most = 40
	first, last := a.from+a.offset, a.to+a.offset
	var times []int64
	if s.seconds > 0 {
		// Weeks begin on Mondays; 1970 began on a Thursday.
		const monday = 4 * day
		begin := int64(0)
		if s.seconds >= 7*day {
			begin = monday
		}
		for t := begin + ceil(first-begin, s.seconds)*s.seconds; t <= last; t += s.seconds {
			if times = append(times, t); len(times) > most {
				return nil, false
			}
		}
		return a.set(times, s)
	}
	begin := time.Unix(first, 0).UTC()
	month := ceil(int64(begin.Year())*12+int64(begin.Month())-1, s.months) * s.months
	for ; ; month += s.months {
		t := time.Date(int(month/12), time.Month(month%12+1), 1, 0, 0, 0, 0, time.UTC).Unix()
		if t < first {
			continue
		}
		if t > last {
			return a.set(times, s)
		}
		if times = append(times, t); len(times) > most {
			return nil, false
		}
	}
}

// set places the texts of ticks at times of the axis' own clock.
func (a axis) set(times []int64, s step) (list []tick, ok bool) {
	const apart = 7 * point
	end, endBelow, before := 0, 0, ""
	place := func(x int, text string, end *int) (left int, ok bool) {
		wide := a.s.Wide(text, noteSize, false)
		left = max(a.left-plotLeft, min(x-wide/2, a.right+plotRight-wide))
		ok = *end == 0 || left >= *end+apart
		*end = left + wide
		return left, ok
	}
	for _, at := range times {
		when := time.Unix(at, 0).UTC()
		t := tick{x: a.x(at - a.offset), text: when.Format(s.text)}
		if t.left, ok = place(t.x, t.text, &end); !ok {
			return nil, false
		}
		if d := when.Format(s.day); d != before {
			t.day, before = d, d
			if t.below, ok = place(t.x, t.day, &endBelow); !ok {
				return nil, false
			}
		}
		list = append(list, t)
	}
	return list, true
}

// ceil divides, and rounds up.
func ceil(a, b int64) int64 {
	q := a / b
	if a%b > 0 {
		q++
	}
	return q
}
