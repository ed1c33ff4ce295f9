package stats

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func histogramOf(values []float64) *Histogram {
	var h Histogram
	for _, v := range values {
		h.Observe(v)
	}
	return &h
}

func genLatencies(t *rapid.T) []float64 {
	return rapid.SliceOfN(rapid.Float64Range(0.07, 1e6), 1, 300).Draw(t, "ms")
}

func TestBucketsHoldTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := math.Exp2(rapid.Float64Range(-6, 22).Draw(t, "log2 ms"))
		i := bucketOf(ms)
		if lower(i) > ms || i < histogramSize-1 && ms >= lower(i+1) {
			t.Fatalf("%v ms in bucket %d: %v to %v", ms, i, lower(i), lower(i+1))
		}
	})
	for i := 1; i < histogramSize; i++ {
		if bucketOf(lower(i)) != i || bucketOf(math.Nextafter(lower(i), 0)) != i-1 {
			t.Fatalf("bucket %d does not begin at %v", i, lower(i))
		}
	}
	for _, odd := range []float64{math.NaN(), -1, 0, math.Inf(-1)} {
		if bucketOf(odd) != 0 {
			t.Errorf("%v is in bucket %d", odd, bucketOf(odd))
		}
	}
	if bucketOf(math.Inf(1)) != histogramSize-1 {
		t.Error("+Inf is not in the last bucket")
	}
}

func TestQuantileWithinItsError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := genLatencies(t)
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		got := histogramOf(values).Quantile(q)
		slices.Sort(values)
		want := values[min(max(int(math.Ceil(q*float64(len(values)))), 1), len(values))-1]
		if math.Abs(got/want-1) > 0.032 {
			t.Fatalf("quantile %v is %v, want %v ± 3.2 %%", q, got, want)
		}
	})
}

func TestExceedanceIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := genLatencies(t)
		q := rapid.Float64Range(0, 0.999).Draw(t, "q")
		threshold, fraction, ok := histogramOf(values).Exceedance(q)
		if !ok {
			t.Fatal("not ok within the range")
		}
		above := 0
		for _, v := range values {
			if v >= threshold {
				above++
			}
		}
		if want := float64(above) / float64(len(values)); fraction != want || fraction > 1.5*(1-q)+1e-9 {
			t.Fatalf("quantile %v: fraction %v at or above %v ms, counted %v", q, fraction, threshold, want)
		}
	})
	var empty Histogram
	if _, _, ok := empty.Exceedance(0.5); ok || empty.Quantile(0.5) != 0 {
		t.Error("an empty histogram has a quantile")
	}
	if _, _, ok := histogramOf([]float64{1e9}).Exceedance(0.5); ok {
		t.Error("a threshold beyond the range")
	}
}

func TestMergeIsUnionAndJSONKeeps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genLatencies(t), genLatencies(t)
		merged, union := histogramOf(a), histogramOf(append(slices.Clone(a), b...))
		merged.Merge(histogramOf(b))
		if *merged != *union {
			t.Fatal("merging is not counting together")
		}
		var again Histogram
		for i, n := range merged.Buckets {
			if err := again.AddBucket(i, n); err != nil {
				t.Fatal(err)
			}
		}
		if again != *merged {
			t.Fatal("adding bucket by bucket is not merging")
		}
		data, err := json.Marshal(merged)
		if err != nil {
			t.Fatal(err)
		}
		var read Histogram
		if err := json.Unmarshal(data, &read); err != nil || read != *merged {
			t.Fatalf("JSON %s: %v", data, err)
		}
	})
}

func TestHistogramRefusesBadJSON(t *testing.T) {
	for _, bad := range []string{`{}`, `[1]`, `[-1,2]`, `[386,1]`, `[3,1,3,1]`, `[5,1,4,1]`, `[3,0]`, `[3,-2]`, `["a",1]`, `[1,9223372036854775807,2,1]`} {
		h := histogramOf([]float64{7})
		before := *h
		if err := json.Unmarshal([]byte(bad), h); err == nil || *h != before {
			t.Errorf("%s was read, or changed the histogram", bad)
		}
	}
}

func TestAddBucketRefusesTheImpossible(t *testing.T) {
	var h Histogram
	for _, bad := range [][2]int64{{-1, 1}, {histogramSize, 1}, {0, -1}} {
		if err := h.AddBucket(int(bad[0]), bad[1]); err == nil || h.Total() != 0 {
			t.Errorf("%v was accepted", bad)
		}
	}
}

func TestObserveAllocatesNothing(t *testing.T) {
	var h Histogram
	if n := testing.AllocsPerRun(100, func() { h.Observe(12.5) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	var h Histogram
	for i := range b.N {
		h.Observe(float64(i & 4095))
	}
}
