package count

import (
	"sync/atomic"

	"github.com/slipwayhq/slipway/internal/event"
)

// Cell counts one release on one host within an epoch.
type Cell struct {
	arm  *arm
	host string

	requests, errors, firstErrors, atRisk atomic.Int64
	slow, firstSlow, atRiskSlow           [event.Thresholds]atomic.Int64
	latency                               latency
}

// drain gives what was counted since the last drain, and false when that was nothing.
func (c *Cell) drain() (event.Counts, bool) {
	n := event.Counts{
		Requests: c.requests.Swap(0), Errors: c.errors.Swap(0), FirstErrors: c.firstErrors.Swap(0), AtRisk: c.atRisk.Swap(0),
	}
	for i := range event.Thresholds {
		n.Slow[i] = c.slow[i].Swap(0)
		n.FirstSlow[i] = c.firstSlow[i].Swap(0)
		n.AtRiskSlow[i] = c.atRiskSlow[i].Swap(0)
	}
	return n, n != event.Counts{}
}

// bucket counts one release and one bucket of visitors.
type bucket struct{ requests, errors atomic.Int64 }

// arm counts one release within an epoch.
type arm struct {
	release string
	buckets [event.Buckets]bucket
	paths   paths
}

// drain adds what was counted since the last drain to the second.
func (a *arm) drain(into *event.RouteSecond) {
	for i := range a.buckets {
		n := event.BucketCount{
			Release: a.release, Bucket: i,
			Requests: a.buckets[i].requests.Swap(0), Errors: a.buckets[i].errors.Swap(0),
		}
		if n.Requests != 0 || n.Errors != 0 {
			into.Buckets = append(into.Buckets, n)
		}
	}
	into.Paths = a.paths.drain(a.release, into.Paths)
}
