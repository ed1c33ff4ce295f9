package count

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/route"
)

// Limits of the count by kind of failure.
const (
	failuresHeld     = 256
	failuresReported = 25 // of each of the two releases: event.RouteSecond allows 50
	messageBytes     = 80
)

// kind tells one kind of failure from another. What there is no room for is the kind with the path Other alone, which is never news.
type kind struct {
	host, path, message string
	status              int
}

// kindOf is the kind of a request that failed.
func kindOf(r *Request, assets []string) kind {
	var buf [160]byte
	return kind{host: r.cell.host, path: string(route.Append(buf[:0], r.path, assets)), message: foldMessage(r.message), status: r.status}
}

// foldMessage makes one of messages that differ in numbers only: each word with a digit in it is "#". It is cut at 80 bytes.
func foldMessage(message string) string {
	out := make([]byte, 0, min(len(message), messageBytes))
	word, digit := 0, false
	end := func() {
		if digit {
			out = append(out[:word], '#')
		}
		digit = false
	}
	for i := 0; i < len(message) && len(out) < messageBytes; i++ {
		c := message[i]
		if c <= ' ' || c == 0x7f {
			end()
			if len(out) > 0 && out[len(out)-1] != ' ' {
				out = append(out, ' ')
			}
			word = len(out)
			continue
		}
		digit = digit || c >= '0' && c <= '9'
		out = append(out, c)
	}
	end()
	return strings.ToValidUTF8(string(out), "")
}

type failureCount struct{ errors, firstErrors int64 }

// failures counts by kind. Errors are few, so that a lock will do.
type failures struct {
	mu   sync.Mutex
	held map[kind]failureCount
}

func (f *failures) add(k kind, first int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == nil {
		f.held = map[kind]failureCount{}
	}
	if _, known := f.held[k]; !known && len(f.held) >= failuresHeld {
		k = kind{host: k.host, path: Other}
	}
	n := f.held[k]
	f.held[k] = failureCount{errors: n.errors + 1, firstErrors: n.firstErrors + first}
}

// drain appends what was counted since the last drain, the most frequent one by one and the rest as Other.
func (f *failures) drain(release string, into []event.FailureCount) []event.FailureCount {
	f.mu.Lock()
	held := f.held
	f.held = nil
	f.mu.Unlock()
	all := make([]event.FailureCount, 0, len(held))
	for k, n := range held {
		all = append(all, event.FailureCount{
			Release: release, Host: k.host, Path: k.path, Status: k.status, Error: k.message, Errors: n.errors, FirstErrors: n.firstErrors,
		})
	}
	slices.SortFunc(all, func(a, b event.FailureCount) int {
		return cmp.Or(cmp.Compare(b.Errors, a.Errors), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Status, b.Status), cmp.Compare(a.Error, b.Error))
	})
	if len(all) <= failuresReported {
		return append(into, all...)
	}
	other := event.FailureCount{Release: release, Path: Other}
	for i, n := range all {
		if i < failuresReported-1 && n.Path != Other {
			into = append(into, n)
			continue
		}
		other.Errors, other.FirstErrors = other.Errors+n.Errors, other.FirstErrors+n.FirstErrors
	}
	return append(into, other)
}
