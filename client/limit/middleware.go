package limit

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
)

// Limiter is what [Middleware] asks: a [Client], or a [Local].
type Limiter interface {
	Check(ctx context.Context, group string) (Answer, error)
	Return(ctx context.Context, a Answer) error
}

// QuotaExceeded is the type of the problem that a request is answered whose limit is used up (draft-ietf-httpapi-ratelimit-headers-11).
const QuotaExceeded = "https://iana.org/assignments/http-problem-types#quota-exceeded"

// problem is RFC 9457's, with what that draft adds.
type problem struct {
	Type     string   `json:"type,omitempty"`
	Title    string   `json:"title"`
	Status   int      `json:"status"`
	Detail   string   `json:"detail,omitempty"`
	Violated []string `json:"violated-policies,omitempty"`
}

// Middleware takes one of a group for each request, and calls the handler where it passes. group names it, as in "api:search:ana"; a request whose group is empty is not limited. (Who asks is what the program knows,
// such as who is signed in; an address that a request tells of itself can be anything.)
//
// Each response has RateLimit and RateLimit-Policy. One that the limit denies is 429 with Retry-After and a problem of type [QuotaExceeded]. Where no limit answers and the request does not pass ([Closed], and
// [Throw] too), it is 503: that is not the visitor's doing.
//
// What is taken of a concurrent limit is returned when the handler ends, also by a panic, so that a limit of 10 is 10 requests at once.
func Middleware(l Limiter, group func(*http.Request) string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			name := group(r)
			if name == "" {
				next.ServeHTTP(w, r)
				return
			}
			a, err := l.Check(r.Context(), name)
			a.SetHeaders(w.Header())
			switch {
			case err != nil || a.Failed && !a.Passed:
				tell(w, problem{Title: "Service Unavailable", Status: http.StatusServiceUnavailable, Detail: "The limit of this request did not answer; try again."})
				return
			case !a.Passed:
				deny(w, a)
				return
			}
			if a.Lease != "" {
				// The visitor may be gone, and the place is still to be given back; what cannot be comes back by itself.
				defer func() { _ = l.Return(context.WithoutCancel(r.Context()), a) }()
			}
			next.ServeHTTP(w, r)
		})
	}
}

func deny(w http.ResponseWriter, a Answer) {
	if a.RetryAfter != Never {
		w.Header().Set("Retry-After", strconv.FormatInt(max(wholeSeconds(a.RetryAfter), 1), 10))
	}
	tell(w, problem{Type: QuotaExceeded, Title: "Request cannot be satisfied as assigned quota has been exceeded", Status: http.StatusTooManyRequests, Violated: []string{a.Limit}})
}

func tell(w http.ResponseWriter, p problem) {
	body, _ := json.Marshal(p) // it can be encoded
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // who does not listen any more needs no answer
}
