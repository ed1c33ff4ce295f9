package limit

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Never is how long it takes until what will not come.
const Never time.Duration = math.MaxInt64

// Answer is what became of a take.
type Answer struct {
	// Group is what was asked, and Limit the group whose limit counts it.
	Group, Limit string
	// Passed says that what was asked for, or with [Ask.Partial] a part of it, was given.
	Passed bool
	// Amount is how much was given: 0 where it was denied, and where another group of the same take was.
	Amount int64
	// Left is what more could be had now.
	Left int64
	// RetryAfter is how long it takes until what was denied could be had: 0 where it passed, Never where it asked for more than the limit ever gives at once.
	RetryAfter time.Duration
	// Full is how long it takes until everything could be had; Never for what does not come back.
	Full time.Duration
	// Near says that the limit is nearly used up.
	Near bool
	// Over says that the limit did not have it. One that only counts ("shadow") lets it pass nevertheless.
	Over bool
	// Lease names what was taken of a concurrent limit, for [Client.Return]; LeaseEnds is when it comes back by itself. Empty: there is nothing to return.
	Lease     string
	LeaseEnds time.Time
	// Failed says that no limit answered: Passed is what OnError decided, Err says why, and the rest says nothing.
	Failed bool
	Err    error

	kind          string // of the limit: rolling, calendar, ever, concurrent
	policy, state string // RateLimit-Policy and RateLimit, as the server sent them
	local         bool   // handed out by a Local, which knows better than state how much is left
}

// Answers is what became of a take of several groups. All of them passed, or nothing was taken.
type Answers struct {
	Passed bool
	// Failed says that no limit answered: Passed is what OnError decided, and Err says why.
	Failed bool
	Err    error
	// Groups has an Answer for each Ask, in their order.
	Groups []Answer

	policy, state string
}

// RetryAfter is how long it takes until all that was denied could be had.
func (a *Answers) RetryAfter() (longest time.Duration) {
	for i := range a.Groups {
		longest = max(longest, a.Groups[i].RetryAfter)
	}
	return longest
}

// SetHeaders sets RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11) as the server sent them: of the group that has the least left. Where no limit answered it sets nothing.
func (a *Answers) SetHeaders(h http.Header) { setHeaders(h, a.policy, a.state) }

// SetHeaders sets RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11). Where no limit answered it sets nothing.
func (a *Answer) SetHeaders(h http.Header) {
	state := a.state
	if a.local {
		state = restate(state, a.Left, a.Full)
	}
	setHeaders(h, a.policy, state)
}

func setHeaders(h http.Header, policy, state string) {
	if policy != "" && state != "" {
		h.Set("RateLimit-Policy", policy)
		h.Set("RateLimit", state)
	}
}

// window is that of the policy; 0: it has none.
func window(policy string) time.Duration {
	_, rest, ok := strings.Cut(policy[strings.LastIndexByte(policy, '"')+1:], ";w=")
	if !ok {
		return 0
	}
	number, _, _ := strings.Cut(rest, ";")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	return duration(float64(n))
}

// restate is a RateLimit header with other numbers.
func restate(state string, left int64, full time.Duration) string {
	i := strings.LastIndex(state, ";r=")
	if i < 0 {
		return state
	}
	b := append(make([]byte, 0, len(state)+16), state[:i+len(";r=")]...)
	b = strconv.AppendInt(b, left, 10)
	if full != Never {
		b = strconv.AppendInt(append(b, ";t="...), wholeSeconds(full), 10)
	}
	return string(b)
}

// wholeSeconds rounds up.
func wholeSeconds(d time.Duration) int64 {
	s := int64(d / time.Second)
	if d%time.Second > 0 {
		s++
	}
	return s
}

// duration is a number of seconds, rounded up.
func duration(seconds float64) time.Duration {
	ns := math.Ceil(seconds * float64(time.Second))
	if !(ns < float64(Never)) {
		return Never
	}
	return time.Duration(max(ns, 0))
}
