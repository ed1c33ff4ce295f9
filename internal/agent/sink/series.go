package sink

import (
	"math"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/stats"
	"github.com/slipwayhq/slipway/internal/pure/statsd"
)

// series adds up one name.
type series struct {
	name, tags string
	kind       statsd.Kind
	idle       int // drains since something came

	values  int64
	scaled  float64
	sum     float64
	last    float64 // a gauge's, from one second to the next
	squares float64
	hist    *stats.Histogram
	members map[uint64]struct{}
}

func newSeries(name, tags string, kind statsd.Kind) *series {
	s := &series{name: name, tags: tags, kind: kind}
	switch kind {
	case statsd.Timer:
		s.hist = &stats.Histogram{}
	case statsd.Set:
		s.members = map[uint64]struct{}{}
	}
	return s
}

// patience is for how many seconds in which nothing comes a series is remembered. A gauge may still be changed from where it stood.
func (s *series) patience() int {
	const minute = 60
	if s.kind == statsd.Gauge {
		return 60 * minute
	}
	return minute
}

// came counts a line's values.
func (s *series) came(line *statsd.Line) {
	n := len(line.Values)
	s.idle = 0
	s.values += int64(n)
	s.scaled += float64(n) / line.Rate
}

// add counts the values of a line that is no set's, or says why not.
func (s *series) add(line *statsd.Line) (why string) {
	if s.kind == statsd.Gauge {
		last, ok := s.moved(line.Values)
		if !ok {
			return dropHuge
		}
		s.last = last
		s.came(line)
		return ""
	}
	for _, v := range line.Values {
		s.sum += v.Number
		if s.hist != nil {
			s.squares += v.Number * v.Number
			s.hist.Observe(v.Number)
		}
	}
	s.came(line)
	return ""
}

// moved adds where a gauge stands after each of the values, and gives where it stands in the end; not ok where it would be beyond all bounds.
func (s *series) moved(values []statsd.Value) (last float64, ok bool) {
	last, sum := s.last, s.sum
	for _, v := range values {
		if v.Change {
			last += v.Number
		} else {
			last = v.Number
		}
		if math.Abs(last) > statsd.MostGauge {
			return 0, false
		}
		sum += last
	}
	s.sum = sum
	return last, true
}

// drain gives what came, and begins anew.
func (s *series) drain() event.Metric {
	m := event.Metric{Name: s.name, Tags: s.tags, Kind: s.kind.String(), Values: s.values, Sum: s.sum, Squares: s.squares, Distinct: int64(len(s.members))}
	if s.scaled != float64(s.values) {
		m.Scaled = s.scaled
	}
	switch s.kind {
	case statsd.Gauge:
		m.Last, m.Scaled = s.last, 0 // a rate says nothing of a gauge
	case statsd.Timer:
		m.Histogram = &event.HistogramData{}
		for i, n := range s.hist.Buckets {
			m.Histogram.Index = append(m.Histogram.Index, i)
			m.Histogram.Count = append(m.Histogram.Count, n)
		}
		*s.hist = stats.Histogram{}
	case statsd.Set:
		clear(s.members)
		if m.Distinct > mostKept {
			s.members = map[uint64]struct{}{} // a map does not shrink by itself
		}
	}
	s.values, s.scaled, s.sum, s.squares, s.idle = 0, 0, 0, 0, 0
	return m
}

// mostKept is for how many members the room is kept.
const mostKept = 1000
