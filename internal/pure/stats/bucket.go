package stats

import "fmt"

// AddBucket adds n latencies to bucket i, as another histogram's JSON numbers them. Both must be possible.
func (h *Histogram) AddBucket(i int, n int64) error {
	if i < 0 || i >= histogramSize || n < 0 {
		return fmt.Errorf("add %d latencies to bucket %d: there are buckets 0 to %d and no negative counts", n, i, histogramSize-1)
	}
	h.counts[i] += n
	h.total += n
	return nil
}
