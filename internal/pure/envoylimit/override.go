package envoylimit

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// Override is a limit that a request brings along for one of its descriptors. It counts whatever the file says, and in no shadow.
type Override struct {
	PerUnit uint32
	Unit    rate.Unit
	Every   uint32 // units in a window; more than 1 makes it a rolling one, as the calendar has none of five minutes
}

// Override gives the limit that a request brings along. An error says what is wrong with it.
func (c *Config) Override(entries []Entry, o Override) (Matched, error) {
	l := rate.Limit{Kind: rate.Calendar, Amount: int64(o.PerUnit), Unit: o.Unit}
	name := string(o.Unit)
	if o.Every > 1 {
		l.Kind, l.Every = rate.Rolling, int64(o.Every)
		name = strconv.FormatUint(uint64(o.Every), 10) + name
	}
	rule, err := rate.Compile(l, utc)
	if err != nil {
		return Matched{}, fmt.Errorf("limit of a descriptor: %w", err)
	}
	var groups [256]byte
	group := append(groups[:0], c.prefix...)
	for i, e := range entries {
		group = appendEntry(group, i, e.Key, e.Value, true)
	}
	asked := strconv.FormatUint(uint64(o.PerUnit), 10) + "/" + name
	// The name says all there is to it, so that Find makes it again.
	of := string(c.prefix) + "@" + asked
	path := []string{"@"}
	if l.Kind == rate.Rolling {
		path = append(path, asked) // rolling ones of several amounts come back at several speeds
	}
	return Matched{&Limit{Defined: c.define(of, rule, path...), Group: of, Policy: sfString(asked)}, grouped(group)}, nil
}

// utc is every zone: limits of Envoy's are in no other.
func utc(string) (*time.Location, error) { return time.UTC, nil }

// reread makes the limit of a name that Override gave.
func (c *Config) reread(asked string) *rate.Defined {
	amount, window, _ := strings.Cut(asked, "/")
	unit := strings.TrimLeft(window, "0123456789")
	every := strings.TrimSuffix(window, unit)
	if every == "" {
		every = "1"
	}
	n, err := strconv.ParseUint(amount, 10, 32)
	e, err2 := strconv.ParseUint(every, 10, 32)
	if err != nil || err2 != nil {
		return nil
	}
	m, err := c.Override(nil, Override{uint32(n), rate.Unit(unit), uint32(e)})
	if err != nil {
		return nil
	}
	return m.Limit.Defined
}
