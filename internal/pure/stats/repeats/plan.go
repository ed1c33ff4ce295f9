package repeats

import "math"

// Bucket is the bucket of a count: one each up to 4, then half an octave each. Negative counts are in bucket 0.
func Bucket(n int64) int {
	if n <= 4 {
		return int(max(n, 0))
	}
	return int(math.Round(2 * math.Log2(float64(n))))
}

// MaxBucket is the last bucket.
const MaxBucket = 126

// Value is the count that a bucket stands for.
func Value(bucket int) float64 {
	if bucket < 4 {
		return float64(bucket)
	}
	return math.Exp2(float64(bucket) / 2)
}

// looks are when one looks, in seconds of a step, with each look's part. Evidence grows with the errors that visitors add, and one look costs the logarithm of its part, so that
// most is where a step of some minutes to half an hour ends. Ten seconds before round times: then what is counted by then is there before a step of whole minutes is over.
var looks = []struct {
	second int64
	part   float64
}{
	{20, 1}, {50, 2}, {80, 2}, {110, 3}, {170, 4}, {230, 4}, {350, 5}, {470, 5}, {710, 5}, {950, 5}, {1430, 4}, {1910, 3}, {2870, 3}, {3830, 2}, {5750, 1}, {7670, 1},
}

// parts is the sum of all parts.
const parts = 50

// Looks is the number of looks that are planned for a step.
func Looks() int { return len(looks) }

// Second is when look i is planned, in seconds since the beginning of the step.
func Second(i int) int64 { return looks[i].second }

// Part is the weight of look i; all add up to 1.
func Part(i int) float64 { return looks[i].part / parts }

// Due is the last look that is planned for at most so many seconds, -1 before the first.
func Due(seconds int64) int {
	i := len(looks) - 1
	for i >= 0 && looks[i].second > seconds {
		i--
	}
	return i
}

// Age is the class of a unit whose first error was so many seconds ago: the first look that is later than that, or Looks(). Look i is at units of Age at most i: all of those and no
// others have erred since the step began, whatever was left out before.
func Age(seconds int64) int { return Due(seconds) + 1 }
