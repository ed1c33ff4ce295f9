package shadow

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

const minute = 60

// The parts of alpha, as in package replay: errors, slow requests, routes. They are made to add up to 1.
const (
	errorsWeight = 0.5
	slowWeight   = 0.125
	routesWeight = 0.25
	judgedRoutes = 20
)

// series is one thing that is counted, minute by minute over all hosts: sums of all minutes before each.
type series struct {
	name   string // errors, slow requests, errors on /cart
	label  string // errors, requests slower than 360 ms
	weight float64
	events []int64 // len is minutes + 1
	of     []int64
}

// isErrors tells whether a series counts errors, of all or of a route, and no slow requests.
func (c *calendar) isErrors(series int) bool { return series == 0 || series > len(c.limits) }

// between gives events and requests of the minutes from a to before b.
func (s *series) between(a, b int) (events, of int64) {
	return s.events[b] - s.events[a], s.of[b] - s.of[a]
}

// calendar is all traffic by the minute.
type calendar struct {
	start  int64 // second of the first minute
	n      int
	series []series
	// limits are the bounds of duration that slow requests pass, by bucket.
	limits []int
	served []int // minutes with requests, summed up like the series
}

// at is the minute that a second is in, which may lie outside.
func (c *calendar) at(second int64) int { return int((floor(second, minute) - c.start) / minute) }

func (c *calendar) second(m int) int64 { return c.start + int64(m)*minute }

func (c *calendar) end() int64 { return c.second(c.n) }

// calendar adds up all hosts and releases.
func (t *Traffic) calendar() *calendar {
	c := &calendar{}
	first, last := int64(never), int64(-never)
	for key := range t.cells {
		first, last = min(first, key.tick), max(last, key.tick)
	}
	if len(t.cells) == 0 {
		return c
	}
	c.start = floor(first, minute)
	c.n = c.at(last) + 1
	c.limits = t.limits()
	c.add("errors", "errors", errorsWeight)
	for _, b := range c.limits {
		label := "requests slower than " + spell(bound(b))
		c.add(label, label, slowWeight)
	}
	c.served = make([]int, c.n+1)
	for key, cell := range t.cells {
		m := c.at(key.tick) + 1
		c.served[m] = 1
		c.count(0, m, cell.errors, cell.requests)
		for i, b := range c.limits {
			slow, all := cell.slower(b)
			c.count(1+i, m, slow, all)
		}
	}
	c.addRoutes(t)
	total := 0.0
	for _, s := range c.series {
		total += s.weight
	}
	for i := range c.series {
		s := &c.series[i]
		s.weight /= total
		for m := range c.n {
			s.events[m+1] += s.events[m]
			s.of[m+1] += s.of[m]
		}
	}
	for m := range c.n {
		c.served[m+1] += c.served[m]
	}
	return c
}

func (c *calendar) add(name, label string, weight float64) {
	c.series = append(c.series, series{name: name, label: label, weight: weight, events: make([]int64, c.n+1), of: make([]int64, c.n+1)})
}

func (c *calendar) count(series, m int, events, of int64) {
	c.series[series].events[m] += events
	c.series[series].of[m] += of
}

// addRoutes adds the busiest routes. One route alone is no part of anything.
func (c *calendar) addRoutes(t *Traffic) {
	requests := make([]int64, len(t.routes.list))
	for key, n := range t.byRoute {
		requests[key.route] += n[1]
	}
	var routes []int32
	for i, name := range t.routes.list {
		if name != Other {
			routes = append(routes, int32(i))
		}
	}
	if len(routes) < 2 {
		return
	}
	slices.SortFunc(routes, func(a, b int32) int {
		return cmp.Or(cmp.Compare(requests[b], requests[a]), cmp.Compare(t.routes.list[a], t.routes.list[b]))
	})
	routes = routes[:min(len(routes), judgedRoutes)]
	at := map[int32]int{}
	for _, r := range routes {
		at[r] = len(c.series)
		name := "errors on " + t.routes.list[r]
		c.add(name, name, routesWeight/float64(len(routes)))
	}
	for key, n := range t.byRoute {
		if i, ok := at[key.route]; ok {
			c.count(i, c.at(key.minute)+1, n[0], n[1])
		}
	}
}

// slower counts what took longer than a bucket's bound, of those whose duration is known.
func (c *cell) slower(than int) (slow, all int64) {
	if c.durations == nil {
		return 0, 0
	}
	for i, n := range c.durations {
		all += int64(n)
		if i > than {
			slow += int64(n)
		}
	}
	return slow, all
}

// limits are the durations that about a tenth, and a hundredth, of all requests pass; none where no duration is known. They are of the whole log, whatever the release: any value that does not depend
// on who is compared makes a valid test.
func (t *Traffic) limits() (found []int) {
	var total [buckets]int64
	var all int64
	for _, c := range t.cells {
		if c.durations != nil {
			for i, n := range c.durations {
				total[i] += int64(n)
				all += int64(n)
			}
		}
	}
	for _, part := range []int64{10, 100} {
		beyond := all
		for i, n := range total {
			if beyond -= n; beyond*part <= all && beyond > 0 {
				if !slices.Contains(found, i) {
					found = append(found, i)
				}
				break
			}
		}
	}
	return found
}

// spell writes a duration of two digits: 360 ms, 1.4 s.
func spell(seconds float64) string {
	if seconds < 1 {
		ms, _ := strconv.ParseFloat(strconv.FormatFloat(seconds*1000, 'g', 2, 64), 64)
		return fmt.Sprintf("%g ms", ms)
	}
	return strconv.FormatFloat(seconds, 'g', 2, 64) + " s"
}

// clock writes a moment for people.
func clock(second int64, in *time.Location) string {
	return time.Unix(second, 0).In(in).Format("15:04")
}
