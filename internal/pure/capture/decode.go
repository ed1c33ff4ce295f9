package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Call is one request of a client, its body unpacked.
type Call struct {
	Body     []byte
	Received time.Time
	// Kind is what the address says that a single event is about; empty where the body says it.
	Kind Kind
	// UserAgent, IP and Release are what the request itself tells, for events whose context does not say.
	UserAgent, IP, Release string
	// Network, if given, takes from an address what tells one computer from its neighbours, before it is kept.
	Network func(ip string) string
	// NewID makes ids for events that come without.
	NewID func() string
	// Between, if given, is called now and then between two events: reading many takes long, and who waits for a moment of the processor may go first.
	Between func()
}

// atOnce is about how many bytes are read between two calls of Between: a quarter of a millisecond.
const atOnce = 8 << 10

// Decoded is what a body held.
type Decoded struct {
	// Key is the write key in the body, if there was one.
	Key string
	// Dialect is what it was written in.
	Dialect Dialect
	// Kind is what the address said.
	Kind   Kind
	Events []Event
	// Raw has, for each event, the item that it was read from.
	Raw      []json.RawMessage
	Failures []Failure
}

// Dialect names one of the ways to write events. Their words are in the log: they are for ever.
type Dialect string

// The dialects.
const (
	InSegment     Dialect = "segment"
	InPostHog     Dialect = "posthog"
	InPlain       Dialect = "plain"
	InCloudEvents Dialect = "cloudevents"
)

// Decode reads a body in a dialect.
func Decode(d Dialect, c *Call) (Decoded, error) {
	switch d {
	case InSegment:
		return Segment(c)
	case InPostHog:
		return PostHog(c)
	case InPlain:
		return Plain(c)
	case InCloudEvents:
		return CloudEvents(c)
	default:
		return Decoded{}, fmt.Errorf("nobody knows how to read %q", d)
	}
}

// Errors of whole bodies, for the sender.
var (
	errNotJSON = errors.New("this is not JSON")
	errSize    = fmt.Errorf("the body is larger than %d KB; send fewer events at once", MaxBatch>>10)
)

// dialect reads one event: its members are the client's.
type dialect func(c *Call, common fields, item fields) (Event, error)

// envelope splits a body into the items of the dialect and what is common to all.
func envelope(body []byte, list string) (common fields, items []json.RawMessage, err error) {
	return envelopeOf(body, list, func(string) error { return nil })
}

// envelopeOf also asks what is wrong with each member that stands beside the list.
func envelopeOf(body []byte, list string, beside func(name string) error) (common fields, items []json.RawMessage, err error) {
	if len(body) > MaxBatch {
		return nil, nil, errSize
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))) // some clients send a byte order mark
	if !utf8.Valid(body) {                                                 // no database keeps what is not, not even as what failed
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	r := read(body)
	add := func(item json.RawMessage) { items = append(items, item) }
	several, wrong, stray := false, error(nil), error(nil)
	switch r.dec.PeekKind() {
	case '[':
		err, several = r.list(add), true
	case '{':
		err = r.object(func(name string) error {
			if name == list && list != "" && r.dec.PeekKind() == '[' {
				if several {
					wrong = fmt.Errorf("%q is there twice; send one list of events", list)
				}
				several = true
				return r.list(add)
			}
			if stray == nil {
				stray = beside(name)
			}
			raw, err := r.value()
			switch {
			case err != nil:
			case name == list && list != "":
				wrong = fmt.Errorf("%q is %s; send a list of events", list, nameOf(raw))
			case shared(name):
				common.set(name, raw)
			}
			return err
		})
	default:
		_, err = r.value()
		return nil, nil, notBody(body, err)
	}
	if err != nil {
		return nil, nil, notBody(body, err)
	}
	if end := int(r.dec.InputOffset()); r.end() != nil {
		return nil, nil, behind(body, end)
	}
	if several && wrong == nil {
		wrong = stray
	}
	if len(items) > MaxItems {
		wrong = fmt.Errorf("the body has %d events; send at most %d at once", len(items), MaxItems)
	}
	if wrong != nil {
		return nil, nil, wrong
	}
	if !several {
		return nil, []json.RawMessage{body}, nil
	}
	return common, items, nil
}

// shared are the members of a batch that any dialect looks at: of what else is there, however much, nothing is kept.
func shared(name string) bool {
	switch name {
	case "context", "sentAt", "writeKey", "api_key", "token", "sent_at", "sent", "release":
		return true
	}
	return false
}

// each reads items one by one.
func (c *Call) each(name Dialect, common fields, items []json.RawMessage, read dialect) (d Decoded) {
	d.Dialect, d.Kind = name, c.Kind
	kept, since := 0, 0
	for _, raw := range items {
		if since += len(raw); since >= atOnce && c.Between != nil {
			since = 0
			c.Between()
		}
		event, err := c.one(common, raw, read)
		if err == nil {
			if kept += len(event.Properties) + len(event.Context); kept > MaxKept {
				err = breaks(TooLarge, "with what the batch says of each, its events have more than %d KB; send fewer at once", MaxKept>>10)
			}
		}
		if err == nil {
			d.Events, d.Raw = append(d.Events, event), append(d.Raw, raw)
			continue
		}
		why := broken{Malformed, err.Error()}
		_ = errors.As(err, &why)
		d.Failures = append(d.Failures, Failure{ID: idOf(name, raw), Reason: why.reason, Message: why.message, Raw: raw})
	}
	return d
}

// idOf is the id of an item that may be no event, as its dialect has it.
func idOf(name Dialect, raw json.RawMessage) (id string) {
	item, _ := members(raw)
	switch name {
	case InSegment:
		_ = item.texts(place{"messageId", &id}) // what is none is none
	case InPostHog:
		_ = item.texts(place{"uuid", &id})
	case InPlain:
		_ = item.texts(place{"id", &id})
	case InCloudEvents:
		source := ""
		if err := item.texts(place{"source", &source}, place{"id", &id}); err == nil && id != "" {
			id = source + "#" + id
		}
	}
	return id
}

func (c *Call) one(common fields, raw json.RawMessage, read dialect) (Event, error) {
	if len(raw) > MaxEvent {
		return Event{}, breaks(TooLarge, "the event has %d bytes; at most %d", len(raw), MaxEvent)
	}
	item, ok := members(raw)
	if !ok || empty(raw) {
		return Event{}, breaks(Malformed, "the event is not an object")
	}
	e, err := read(c, common, item)
	if err != nil {
		return Event{}, err
	}
	if e.Kind == Track && e.Name == "" {
		return Event{}, breaks(NoName, "the event has no name")
	}
	if n := len(e.Properties) + len(e.Context); n > MaxEvent+2*MaxName { // the batch and the request may have added to it
		return Event{}, breaks(TooLarge, "with what the batch says of it the event has %d bytes; at most %d", n, MaxEvent)
	}
	if e.ID == "" {
		e.ID = c.NewID()
	}
	e.Received = c.Received.UTC().Truncate(time.Microsecond)
	e.Time = Clock(e.Received, e.Sent, e.Original)
	if e.Release == "" && len(c.Release) <= MaxName {
		e.Release = strings.ToValidUTF8(c.Release, "")
	}
	e.served()
	return e, nil
}

// timed reads the two times of the client's clock.
func timed(e *Event, original, sent json.RawMessage) error {
	var ok bool
	if e.Original, ok = moment(original); !ok {
		return breaks(WrongType, "the time %s is none; send RFC 3339, such as 2026-01-31T12:00:00Z", short(original))
	}
	if e.Sent, ok = moment(sent); !ok {
		return breaks(WrongType, "the time of sending %s is none; send RFC 3339", short(sent))
	}
	return nil
}

func short(raw json.RawMessage) string {
	const most = 60
	if s := string(raw); len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(string(raw[:most]), "") + "…"
}

// around adds to a context what the request tells and the client did not.
func (c *Call) around(context *fields) {
	for _, own := range [...]struct{ name, value string }{{"ip", c.IP}, {"userAgent", c.UserAgent[:min(len(c.UserAgent), MaxName)]}} {
		if own.value != "" && empty(context.get(own.name)) {
			context.set(own.name, quoted(own.value))
		}
	}
	c.hide(context, "ip")
}

// hide keeps of an address only its network.
func (c *Call) hide(f *fields, name string) {
	raw := f.get(name)
	if c.Network == nil || empty(raw) {
		return
	}
	ip := ""
	if raw[0] == '"' {
		ip = c.Network(unquoted(raw))
	}
	if ip == "" {
		f.take(name)
		return
	}
	f.set(name, quoted(ip))
}

// with adds a text to an object that does not have it.
func with(object json.RawMessage, name, value string) (json.RawMessage, error) {
	if value == "" {
		return object, nil
	}
	f, ok := members(object)
	if !ok || !empty(f.get(name)) {
		return object, nil
	}
	f.set(name, quoted(value))
	return f.rest(name)
}
