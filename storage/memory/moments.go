package memory

import (
	"slices"
	"sync"

	"github.com/tidwall/btree"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/storage"
)

// A moment is what a View sees: everything up to a commit.
type moment struct {
	tables *tables
	commit int64
	log    log // its entries up to the commit
	items  *btree.BTreeG[storage.Item]
}

// moments know the present and the moments that Views still read. Its lock is held for a few instructions
// only, so that a View never waits for an Apply to begin.
type moments struct {
	mu   sync.Mutex
	now  moment
	open []opened      // by commit
	over bool          // closed
	more chan struct{} // closed when there are entries after now; nil when nobody waits
}

// opened is how many Views read a commit.
type opened struct {
	commit int64
	views  int
}

// begin returns the present for a View. The second result is false when the store is closed.
func (m *moments) begin() (moment, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return moment{}, false
	}
	if n := len(m.open); n > 0 && m.open[n-1].commit == m.now.commit {
		m.open[n-1].views++
	} else {
		m.open = append(m.open, opened{m.now.commit, 1})
	}
	return m.now, true
}

// end takes back a begin.
func (m *moments) end(commit int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.open, func(o opened) bool { return o.commit == commit })
	if m.open[i].views--; m.open[i].views == 0 {
		m.open = slices.Delete(m.open, i, i+1)
	}
}

// publish makes next the present and returns the earliest commit that is still read.
func (m *moments) publish(next moment) (earliest int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if next.log.length > m.now.log.length {
		m.wake()
	}
	m.now = next
	if len(m.open) > 0 {
		return m.open[0].commit
	}
	return next.commit
}

func (m *moments) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now, m.over = moment{}, true
	m.wake()
}

// wake tells those who wait that something has changed.
func (m *moments) wake() {
	if m.more != nil {
		close(m.more)
		m.more = nil
	}
}

// after returns a channel that is closed when there may be more than n entries, nil when there are. The second
// result is false when the store is closed.
func (m *moments) after(n int64) (more <-chan struct{}, open bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over || m.now.log.length > n {
		return nil, !m.over
	}
	if m.more == nil {
		m.more = make(chan struct{})
	}
	return m.more, true
}

// A log is the entries in the order of Seq, in blocks of blockSize, which all copies of the log share. An entry
// never changes; one that is redacted has another put in its place, so places are read with the tables' lock held.
type log struct {
	blocks [][]*activity.Entry
	length int64
}

const blockSize = 256

// add appends e, which is the log's from then on, and returns the Seq it gave it.
func (l *log) add(e *activity.Entry) int64 {
	if l.length%blockSize == 0 {
		l.blocks = append(l.blocks, make([]*activity.Entry, blockSize))
	}
	e.Seq = l.length + 1
	*l.at(e.Seq) = e
	l.length++
	return e.Seq
}

func (l *log) at(seq int64) **activity.Entry { return &l.blocks[(seq-1)/blockSize][(seq-1)%blockSize] }
