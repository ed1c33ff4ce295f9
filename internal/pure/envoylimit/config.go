package envoylimit

import (
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// Entry is one pair of a request's descriptor.
type Entry struct{ Key, Value string }

// Headers says which headers an answer carries.
type Headers string

// The headers.
const (
	NoHeaders     Headers = "none"
	RateLimit     Headers = "ratelimit"   // RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers)
	XRateLimit    Headers = "x-ratelimit" // x-ratelimit-limit, -remaining and -reset
	EveryHeader   Headers = "both"
	usualResponse         = RateLimit
)

// Config is the limits of a domain. It is never changed.
type Config struct {
	// App and Env are whose limits these are, and Domain what Envoy calls them by.
	App, Env, Domain string
	Headers          Headers

	root   level
	limits map[string]*Limit // by the group of each
	prefix []byte            // the domain and "::", as groups begin
}

// Limit is what a descriptor has.
type Limit struct {
	// Defined is the limit as a store is asked for it; nil where it is unlimited. Overrides may be put into it before the Config is used.
	Defined *rate.Defined
	// Group is its name: the path of the descriptors that lead to it, as in shop::user or shop::plan=free,user.
	Group string
	// Name is what other limits replace it by, and what answers call it.
	Name string
	// Replaces are the names of limits that do not count in a request which has this one, too.
	Replaces []string
	// Quota says that a request is over the limit only when all its quotas are.
	Quota bool
	// Policy is the name that headers have, in quotes.
	Policy string
}

// Unlimited says that everything passes, and nothing is counted.
func (l *Limit) Unlimited() bool { return l.Defined == nil }

// Matched is the limit of a request's descriptor, and what is counted for it.
type Matched struct {
	Limit *Limit
	// Group is what is counted, whole: shop::user=ana.
	Group string
}

// level is the descriptors of one depth.
type level struct {
	exact map[string]*descriptor // by key, or key_value
	// wild are those with a *, by how they begin; begins are the lengths of the beginnings.
	wild   map[string][]pattern
	begins []int
}

type descriptor struct {
	next   *level
	limit  *Limit
	shared string // key_value with its *, where all that fit it are counted together
}

type pattern struct {
	order int // in the file: the first that fits counts
	parts []string
	of    *descriptor
}

// Match finds the limit of a descriptor. Its Limit is nil where there is none.
func (c *Config) Match(entries []Entry) (m Matched) {
	var pairs, groups [256]byte
	pair, group := pairs[:0], append(groups[:0], c.prefix...)
	at := &c.root
	for i, e := range entries {
		pair = append(append(append(pair[:0], e.Key...), '_'), e.Value...)
		d, wild := at.exact[string(pair)], false
		if d == nil && len(at.begins) > 0 {
			d, wild = at.fits(pair), true
		}
		if d == nil {
			d, wild = at.exact[e.Key], false
		}
		if d == nil {
			return Matched{}
		}
		value := e.Value
		if wild && d.shared != "" {
			value = valueOf(d.shared, e.Key)
		}
		group = appendEntry(group, i, e.Key, value, true)
		switch {
		case i == len(entries)-1 && d.limit != nil:
			return Matched{d.limit, grouped(group)}
		case d.next == nil:
			return Matched{}
		}
		at = d.next
	}
	return Matched{}
}

// valueOf is the value of a pair of which the key is known.
func valueOf(pair, key string) string {
	if rest, ok := strings.CutPrefix(pair, key); ok && strings.HasPrefix(rest, "_") {
		return rest[1:]
	}
	return pair
}

// fits finds the first pattern of the file that fits a pair.
func (l *level) fits(pair []byte) *descriptor {
	var best *pattern
	for _, n := range l.begins {
		if n > len(pair) {
			break
		}
		of := l.wild[string(pair[:n])]
		for i := range of {
			if p := &of[i]; best != nil && p.order > best.order {
				break
			} else if p.fit(pair) {
				best = p
				break
			}
		}
	}
	if best == nil {
		return nil
	}
	return best.of
}

// fit tells whether a pair has all parts of a pattern, in their order, the first and the last at its ends.
func (p *pattern) fit(pair []byte) bool {
	first, last := p.parts[0], p.parts[len(p.parts)-1]
	if len(pair) < len(first)+len(last) || string(pair[:len(first)]) != first || string(pair[len(pair)-len(last):]) != last {
		return false
	}
	if len(p.parts) == 2 {
		return true
	}
	rest := string(pair[len(first) : len(pair)-len(last)])
	for _, part := range p.parts[1 : len(p.parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return true
}

// Find gives the limit of a group's name, such as takes that are read back have it; nil: there is none any more.
func (c *Config) Find(group string) *rate.Defined {
	if l, ok := c.limits[group]; ok {
		return l.Defined
	}
	asked, ok := strings.CutPrefix(group, string(c.prefix)+"@")
	if !ok {
		return nil
	}
	return c.reread(asked)
}

// All gives each limit, in no order.
func (c *Config) All(yield func(*Limit) bool) {
	for _, l := range c.limits {
		if !yield(l) {
			return
		}
	}
}

// define names a limit for a store. What counts in another way, or for another descriptor, is another series and begins at nothing; another amount goes on.
func (c *Config) define(group string, rule *rate.Rule, path ...string) *rate.Defined {
	h := fnv.New64a()
	l := rule.Limit
	for _, part := range append([]string{"envoy", c.App, c.Env, string(c.prefix), string(l.Kind), string(l.Unit), strconv.FormatInt(l.Every, 10)}, path...) {
		_, _ = h.Write(append([]byte(part), 0)) // it never fails
	}
	return &rate.Defined{App: c.App, Env: c.Env, Group: group, Series: h.Sum64(), Rule: rule}
}
