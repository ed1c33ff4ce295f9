package count

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/route"
)

// Limits of the count by kind of failure, both releases together: what is cut off must not depend on which release it is of, or the one with more visitors would seem to have
// fewer kinds.
const (
	failuresHeld     = 256 // kinds in a second
	failuresReported = 24
	messageBytes     = 80
)

// kind tells one kind of failure from another. What there is no room for is the kind with the path Other alone, which is never news.
type kind struct {
	path, message string
	status        int
}

// kindOf is the kind of a request that failed.
func kindOf(r *Request, assets []string) kind {
	var buf [160]byte
	return kind{path: string(route.Append(buf[:0], r.path, assets)), message: foldMessage(r.message), status: r.status}
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

// place is where failures of a kind are counted: the release, and the host where hosts are compared.
type place struct{ release, host string }

// failures counts by kind. Errors are few, so that a lock will do.
type failures struct {
	mu   sync.Mutex
	held map[kind]map[place]failureCount
}

func (f *failures) add(k kind, at place, first int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == nil {
		f.held = map[kind]map[place]failureCount{}
	}
	if f.held[k] == nil && len(f.held) >= failuresHeld {
		k, at.host = kind{path: Other}, ""
	}
	if f.held[k] == nil {
		f.held[k] = map[place]failureCount{}
	}
	n := f.held[k][at]
	f.held[k][at] = failureCount{errors: n.errors + 1, firstErrors: n.firstErrors + first}
}

// drain gives what was counted since the last drain: the most frequent kinds of both releases together, each whole, and the rest as Other.
func (f *failures) drain() []event.FailureCount {
	f.mu.Lock()
	held := f.held
	f.held = nil
	f.mu.Unlock()
	other := held[kind{path: Other}]
	delete(held, kind{path: Other})
	kinds := slices.SortedFunc(maps.Keys(held), func(a, b kind) int {
		return cmp.Or(cmp.Compare(total(held[b]), total(held[a])), cmp.Compare(a.path, b.path), cmp.Compare(a.status, b.status), cmp.Compare(a.message, b.message))
	})
	var all []event.FailureCount
	for i, k := range kinds {
		if i >= failuresReported {
			if other == nil {
				other = map[place]failureCount{}
			}
			for at, n := range held[k] {
				at.host = ""
				sum := other[at]
				other[at] = failureCount{errors: sum.errors + n.errors, firstErrors: sum.firstErrors + n.firstErrors}
			}
			continue
		}
		all = appendPlaces(all, k, held[k])
	}
	return appendPlaces(all, kind{path: Other}, other)
}

func total(places map[place]failureCount) (n int64) {
	for _, c := range places {
		n += c.errors
	}
	return n
}

func appendPlaces(all []event.FailureCount, k kind, places map[place]failureCount) []event.FailureCount {
	for _, at := range slices.SortedFunc(maps.Keys(places), func(a, b place) int { return cmp.Or(cmp.Compare(a.release, b.release), cmp.Compare(a.host, b.host)) }) {
		all = append(all, event.FailureCount{
			Release: at.release, Host: at.host, Path: k.path, Status: k.status, Error: k.message, Errors: places[at].errors, FirstErrors: places[at].firstErrors,
		})
	}
	return all
}
