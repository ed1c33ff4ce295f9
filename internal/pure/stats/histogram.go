package stats

import (
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
)

// The buckets of a Histogram: each octave from 2^-4 ms (62.5 µs) to 2^20 ms (17 minutes) is cut into 16 equal parts, so that a
// bucket is at most 1/16 (6.25 %) wide. The first bucket takes everything below, the last everything above.
const (
	histogramParts  = 16
	histogramLow    = -4
	histogramHigh   = 20
	histogramSize   = (histogramHigh-histogramLow)*histogramParts + 2
	histogramFactor = 1 << 16 // fixed point: ms to units of 2^-16 ms
)

// Histogram counts latencies in milliseconds in fixed log-spaced buckets, the same everywhere, so that histograms of several edges
// merge by addition. Observe allocates nothing. It is not safe for concurrent use. The zero value is empty and ready.
//
// As JSON it is a flat array of pairs [bucket, count, bucket, count, …] of the buckets that are not empty.
type Histogram struct {
	counts [histogramSize]int64
	total  int64
}

// bucketOf is the index of the bucket that holds ms. Bucket i > 0 holds lower(i) ≤ ms < lower(i+1).
func bucketOf(ms float64) int {
	if !(ms >= 0x1p-4) { // NaN and negative too
		return 0
	}
	if ms >= 1<<histogramHigh {
		return histogramSize - 1
	}
	units := uint64(ms * histogramFactor) // ≥ 2^12: at least 4 bits below the leading one
	octave := bits.Len64(units) - 1
	part := (units >> (octave - 4)) & (histogramParts - 1)
	return 1 + (octave-16-histogramLow)*histogramParts + int(part)
}

// lower is the lower bound of bucket i in ms; 0 for the first.
func lower(i int) float64 {
	if i == 0 {
		return 0
	}
	octave, part := (i-1)/histogramParts, (i-1)%histogramParts
	return math.Ldexp(1+float64(part)/histogramParts, octave+histogramLow)
}

// Observe counts one latency in milliseconds. What is not a number or negative counts as 0.
func (h *Histogram) Observe(ms float64) {
	h.counts[bucketOf(ms)]++
	h.total++
}

// Total is the number of latencies observed.
func (h *Histogram) Total() int64 { return h.total }

// Buckets yields the index and the count of each bucket that is not empty, for `for i, n := range h.Buckets`.
func (h *Histogram) Buckets(yield func(i int, n int64) bool) {
	for i, n := range h.counts {
		if n != 0 && !yield(i, n) {
			return
		}
	}
}

// Merge adds the counts of o.
func (h *Histogram) Merge(o *Histogram) {
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.total += o.total
}

// Quantile is the q-quantile in milliseconds (q in [0, 1]) with a relative error of at most 3.2 % between 62.5 µs and 17 minutes:
// the middle of its bucket. 0 when empty; beyond the range, the range's end.
func (h *Histogram) Quantile(q float64) float64 {
	if h.total == 0 {
		return 0
	}
	i := h.bucketAt(q)
	if i == histogramSize-1 {
		return lower(i)
	}
	return (lower(i) + lower(i+1)) / 2
}

// Exceedance is a threshold for "slow" near the q-quantile, in ms, and the exact fraction of the observed latencies at or above it:
// a bound of the bucket that holds the quantile. The upper one, which at most 1 − q exceed, unless the lower one is nearer to 1 − q
// and not beyond 1.5·(1 − q). The fraction is 0 where nothing is slower. ok is false when empty or when the quantile is beyond
// the range. Count requests with ms ≥ threshold. q is in [0, 1).
func (h *Histogram) Exceedance(q float64) (threshold, fraction float64, ok bool) {
	if h.total == 0 {
		return 0, 0, false
	}
	i := h.bucketAt(q)
	if i == histogramSize-1 {
		return 0, 0, false
	}
	var above int64
	for _, c := range h.counts[i+1:] {
		above += c
	}
	over := float64(above) / float64(h.total)
	under := float64(above+h.counts[i]) / float64(h.total)
	aim := 1 - q
	if i > 0 && under <= 1.5*aim && under*over <= aim*aim { // nearer as a ratio: under/aim ≤ aim/over
		return lower(i), under, true
	}
	return lower(i + 1), over, true
}

// AtOrAbove is how many of the observed latencies took at least ms, exact where ms is a bound of a bucket (as those of Exceedance are).
func (h *Histogram) AtOrAbove(ms float64) (n int64) {
	for _, c := range h.counts[bucketOf(ms):] {
		n += c
	}
	return n
}

// bucketAt is the bucket that holds the observation of rank ⌈q·total⌉, at least the first.
func (h *Histogram) bucketAt(q float64) int {
	rank := min(max(int64(math.Ceil(q*float64(h.total))), 1), h.total)
	for i, c := range h.counts {
		if rank -= c; rank <= 0 {
			return i
		}
	}
	return histogramSize - 1
}

// MarshalJSON writes the buckets that are not empty as pairs.
func (h Histogram) MarshalJSON() ([]byte, error) {
	pairs := []int64{}
	for i, n := range h.Buckets {
		pairs = append(pairs, int64(i), n)
	}
	return json.Marshal(pairs)
}

// UnmarshalJSON reads what MarshalJSON wrote and refuses anything else.
func (h *Histogram) UnmarshalJSON(data []byte) error {
	var pairs []int64
	if err := json.Unmarshal(data, &pairs); err != nil {
		return fmt.Errorf("reading a histogram: %w", err)
	}
	if len(pairs)%2 != 0 {
		return fmt.Errorf("reading a histogram: %d numbers, expected pairs of bucket and count", len(pairs))
	}
	var read Histogram
	last := int64(-1)
	for i := 0; i < len(pairs); i += 2 {
		bucket, count := pairs[i], pairs[i+1]
		if bucket <= last || bucket >= histogramSize {
			return fmt.Errorf("reading a histogram: bucket %d: expected rising buckets from 0 to %d", bucket, histogramSize-1)
		}
		if count <= 0 || count > math.MaxInt64-read.total {
			return fmt.Errorf("reading a histogram: bucket %d: impossible count %d", bucket, count)
		}
		read.counts[bucket], read.total, last = count, read.total+count, bucket
	}
	*h = read
	return nil
}
