package analytics

import (
	"context"
	"errors"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/pure/explore"
)

// Engine holds the Stores of all apps.
type Engine interface {
	// Store gives the app's store, made when there is none. Ask for it each time: one that breaks is closed, and another takes its place.
	Store(ctx context.Context, app string) (Store, error)
	// Apps are those that have a store, sorted.
	Apps(ctx context.Context) ([]string, error)
	// Drop removes an app's store with all in it. That there is none is no error.
	Drop(ctx context.Context, app string) error
	// Close ends what is under way and closes all stores. It may be called again.
	Close() error
}

// Store has the events of one app. Its methods may be called at the same time.
type Store interface {
	// Position is the sequence of the log up to which everything is in the store; 0 at first.
	Position(ctx context.Context) (uint64, error)
	// Append adds a batch and moves the position to its Through, in one transaction. Rows at or below the position are there already and passed over. An error that is ErrRefused is about what is in the
	// batch: tried again it would fail again.
	Append(ctx context.Context, b Batch) error
	// Query answers one SELECT. Its errors are the asker's: fault.Invalid with what the engine said, or fault.Limited at a limit.
	Query(ctx context.Context, q Query) (Table, error)
	// Improve makes a bounded part of what later questions are answered sooner with, and tells whether more is left. It is for who appends, between appends.
	Improve(ctx context.Context) (more bool, err error)
	// Days are the UTC days on which events, or failed events, were received, oldest first.
	Days(ctx context.Context) ([]Day, error)
	// Read hands on the events behind one sequence of the log up to another, in order, at most so many at once.
	Read(ctx context.Context, after, through uint64, most int, fn func([]Row) error) error
	// Failed are failed events in the order of the log.
	Failed(ctx context.Context, f FailedFilter) ([]Failed, error)
	// FailedCounts tells how many failed events there are of each reason and state.
	FailedCounts(ctx context.Context) ([]FailedCount, error)
	// Mark moves failed events to another state, and tells how many.
	Mark(ctx context.Context, sequences []uint64, to FailedState, now time.Time) (int64, error)
	// Learned is what is known of the shape of events.
	Learned(ctx context.Context) ([]Learned, error)
	// Forget removes all events of a person, and those of the anonymous visitors that became known as them.
	Forget(ctx context.Context, user string) (removed int64, err error)
	// Retain removes what was received before a time.
	Retain(ctx context.Context, before time.Time) (removed int64, err error)
	// Size is what the store takes on disk, in bytes.
	Size(ctx context.Context) (int64, error)
}

// ErrRefused is that a store does not take what it was given.
var ErrRefused = errors.New("the store refuses what is in it")

// Row is an event at its place in the log.
type Row struct {
	Sequence uint64
	capture.Event
}

// Batch is a part of the log.
type Batch struct {
	Rows    []Row
	Failed  []Failed
	Learned []Learned
	// Through is the last sequence of the log that this batch accounts for.
	Through uint64
	// Between is called every few rows by who works on them, so that others may go first; nil does nothing.
	Between func()
}

// fewRows are about a quarter of a millisecond of work.
const fewRows = 64

// Breathe is to be called before the work for each row, by its number.
func (b *Batch) Breathe(n int) {
	if n%fewRows == fewRows-1 && b.Between != nil {
		b.Between()
	}
}

// Day is what a store has of one UTC day of receipt. Days overlap by a few sequences: what comes at midnight is written by several at once.
type Day struct {
	Day    time.Time `json:"day"`
	Events int64     `json:"events"`
	// First and Last are the least and the greatest sequence.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// FailedState is what became of a failed event.
type FailedState string

// The states. Failed events begin as Open.
const (
	Open     FailedState = "open"
	Repaired FailedState = "repaired" // an event was made of it
	Dropped  FailedState = "dropped"  // somebody said that it is not wanted
)

// Failed is what came and is no event, at its place in the log.
type Failed struct {
	Sequence uint64 `json:"sequence"`
	capture.Failed
	State   FailedState `json:"state"`
	Changed time.Time   `json:"changed,omitzero"`
}

// FailedFilter says which failed events are meant. Empty fields mean all.
type FailedFilter struct {
	Reason capture.Reason
	State  FailedState
	After  uint64 // behind this sequence
	Limit  int    // at most so many; 0 means 100
}

// FailedCount is how many failed events have a reason and a state, and when the last one came.
type FailedCount struct {
	Reason capture.Reason `json:"reason"`
	State  FailedState    `json:"state"`
	Count  int64          `json:"count"`
	Last   time.Time      `json:"last"`
}

// Learned is one type that one property of one event was seen with; Property is empty for the event itself.
type Learned struct {
	Kind     capture.Kind `json:"kind"`
	Name     string       `json:"name"`
	Property string       `json:"property"`
	Type     string       `json:"type"` // string, number, boolean, object, array, null; empty for the event itself
	First    time.Time    `json:"first"`
	Last     time.Time    `json:"last"`
	Count    int64        `json:"count"`
}

// Query is a question in SQL.
type Query struct {
	SQL string
	// Question, when there is one, is what the SQL asks: a store may answer it by a way of its own, which comes to the same.
	Question explore.Question
	// Args stand for $1, $2, ….
	Args []any
	// Foreign tells that a person wrote the SQL: it is answered with no other rights than to read this store.
	Foreign bool
	// Rows is how many rows are answered at most; 0 means 10,000.
	Rows int
	// Time is how long it may take; 0 means 30 seconds.
	Time time.Duration
}

// The limits of a Query that sets none.
const (
	MaxRows = 10_000
	MaxTime = 30 * time.Second
	// MaxBytes is what the values of any answer may take, as they are held in memory until they are sent.
	MaxBytes = 64 << 20
)

// Table is an answer.
type Table struct {
	Columns []Column `json:"columns"`
	// Rows have one value a column: nil, bool, int64, float64, string, or time.Time.
	Rows [][]any `json:"rows"`
	// More tells that there were more rows than the limit.
	More bool          `json:"more"`
	Took time.Duration `json:"-"`
}

// Column is a column of an answer, and its type in the engine's words.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}
