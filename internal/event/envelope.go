package event

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Type names a kind of event: "<noun>.<past participle>" for facts, "<noun>.requested" for wishes.
type Type string

// Event is the envelope. Its JSON is the wire and storage form.
type Event struct {
	// ID is a UUIDv7: unique, and sortable by the time it was made.
	ID   string `json:"id"`
	Type Type   `json:"type"`
	// Version counts the shapes of this type's Data, from 1.
	Version int `json:"version"`
	// App and Env say what it concerns; empty for the installation as a whole.
	App string `json:"app,omitempty"`
	Env string `json:"environment,omitempty"`
	// Actor is who did it: "person:ana", "agent:agt_…", "system:rollout".
	Actor string `json:"actor"`
	// Cause is the id of the event that led to this one, empty for the first of a chain.
	Cause string    `json:"cause,omitempty"`
	Time  time.Time `json:"time"`
	// Position counts state events without gaps from 1; 0 means not yet given.
	Position int64           `json:"position,omitempty"`
	Data     json.RawMessage `json:"data"`
}

// Payload is the data of one event type.
type Payload interface {
	EventType() Type
	EventVersion() int
}

// Meta is what the emitter knows beside the payload.
type Meta struct {
	App, Env, Actor, Cause string
	Time                   time.Time
}

// By gives the Meta of an event caused by ev: same app and environment, ev as the cause.
func (ev Event) By(actor string, now time.Time) Meta {
	return Meta{App: ev.App, Env: ev.Env, Actor: actor, Cause: ev.ID, Time: now}
}

// New wraps a payload. Times are kept in UTC at microseconds, the precision of the store.
func New(m Meta, p Payload) (Event, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return Event{}, fmt.Errorf("encode event %s: %w", p.EventType(), err)
	}
	return Event{
		ID: NewID(m.Time), Type: p.EventType(), Version: p.EventVersion(),
		App: m.App, Env: m.Env, Actor: m.Actor, Cause: m.Cause,
		Time: m.Time.UTC().Truncate(time.Microsecond), Data: data,
	}, nil
}

// Decode reads the payload of ev as T. It fails when ev is of another type or of a version this program does not know.
func Decode[T Payload](ev Event) (T, error) {
	var p T
	if ev.Type != p.EventType() {
		return p, fmt.Errorf("decode event %s: it is a %s, not a %s", ev.ID, ev.Type, p.EventType())
	}
	if ev.Version > p.EventVersion() {
		return p, fmt.Errorf("decode event %s: %s version %d is newer than this program (%d); upgrade Slipway", ev.ID, ev.Type, ev.Version, p.EventVersion())
	}
	if err := json.Unmarshal(ev.Data, &p); err != nil {
		return p, fmt.Errorf("decode event %s (%s): %w", ev.ID, ev.Type, err)
	}
	return p, nil
}

// NewID makes a UUIDv7 for the given time (RFC 9562, section 5.7).
func NewID(now time.Time) string {
	u := uuid7(now)
	var b [36]byte
	hex.Encode(b[0:8], u[0:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:36], u[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// crockford is base 32 without letters that are mistaken for digits, in ascending order, so that ids sort by time.
const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

// NewKey makes a sortable id with a prefix: "rol_01kc…" (26 characters of the 128 bits behind the prefix).
func NewKey(prefix string, now time.Time) string {
	u := uuid7(now)
	hi, lo := binary.BigEndian.Uint64(u[:8]), binary.BigEndian.Uint64(u[8:])
	var b [26]byte
	for i := 25; i >= 0; i-- {
		b[i] = crockford[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return prefix + "_" + string(b[:])
}

// uuid7 is 48 bits of milliseconds, 12 bits of the fraction below (so that ids made in one millisecond mostly sort too), the rest random.
func uuid7(now time.Time) [16]byte {
	var u [16]byte
	us := now.UnixMicro()
	ms, frac := uint64(us/1000), uint64(us%1000)*4096/1000
	_, _ = rand.Read(u[8:]) // crypto/rand.Read never fails since Go 1.24: it ends the program instead.
	binary.BigEndian.PutUint64(u[:8], ms<<16|7<<12|frac)
	u[8] = u[8]&0x3f | 0x80
	return u
}
