package capture

import (
	"encoding/json"
	"time"
)

// Kind is what an event is about, in the words of the Segment specification, and exposures beside.
type Kind string

// The kinds.
const (
	Track    Kind = "track"    // somebody did something: Name says what
	Page     Kind = "page"     // saw a page: Name, and the address in Properties
	Screen   Kind = "screen"   // saw a screen of an app
	Identify Kind = "identify" // is known by User from now on; Properties are what is known of them
	Group    Kind = "group"    // belongs to Group; Properties are what is known of it
	Alias    Kind = "alias"    // was known as Previous
	Exposure Kind = "exposure" // got a value of the flag, or the variation of the experiment, Name; Properties have it as "value"
)

// Event is one thing that a client told, as it is kept in the log. Times are in UTC.
type Event struct {
	// ID tells the event from all others of its source: one that comes again with the same is the same. That of an exposure is ExposureID once it is taken, and tells it from all others.
	ID          string `json:"id"`
	App         string `json:"app"`
	Environment string `json:"environment"`
	// Source is whose write key it came with.
	Source string `json:"source"`
	Kind   Kind   `json:"kind"`
	Name   string `json:"name,omitempty"`
	// User is who is signed in, Anonymous the browser or device. A CloudEvent may have neither.
	User      string `json:"user,omitempty"`
	Anonymous string `json:"anonymous,omitempty"`
	Previous  string `json:"previous,omitempty"`
	Group     string `json:"group,omitempty"`
	// Time is when it happened, by the server's clock: see Clock.
	Time time.Time `json:"time"`
	// Original is when it happened and Sent when it was sent, by the client's clock; zero when it did not say.
	Original time.Time `json:"original,omitzero"`
	Sent     time.Time `json:"sent,omitzero"`
	Received time.Time `json:"received"`
	// Release is the one that served it, where the client knows. Host and Split, of which wire.Served tells, are for those who count as it comes, and are not kept.
	Release string `json:"release,omitempty"`
	Host    string `json:"-"`
	Split   string `json:"-"`
	// Properties and Context are JSON objects, compact, or nothing.
	Properties json.RawMessage `json:"properties,omitempty"`
	Context    json.RawMessage `json:"context,omitempty"`
}

// Reason is why an event is not one. Their words are what failures are counted by: they are for ever.
type Reason string

// The reasons. All but the last are found by this package.
const (
	Malformed Reason = "malformed"  // not what the dialect says
	TooLarge  Reason = "too_large"  // more than MaxEvent bytes
	NoUser    Reason = "no_user"    // neither a user nor an anonymous id, where the dialect wants one
	NoName    Reason = "no_name"    // a track event without a name
	TooDeep   Reason = "too_deep"   // objects within objects beyond MaxDepth
	TooMany   Reason = "too_many"   // more than MaxProperties properties
	WrongType Reason = "wrong_type" // a number where a name belongs, and such
	Unplanned Reason = "plan"       // not what the app's tracking plan says
)

// Failure is an item that is no event: why, in a word and in a sentence, and what came.
type Failure struct {
	// ID is the item's own id, where it has one: by it the door knows what is sent again. It is in Raw already.
	ID      string          `json:"-"`
	Reason  Reason          `json:"reason"`
	Message string          `json:"message"`
	Raw     json.RawMessage `json:"raw"`
}

// Failed is a Failure as it is kept in the log: whose it was, and when it came.
type Failed struct {
	Failure
	// Dialect is what Raw is written in, and Kind what the address it came to said that it is; empty for what was kept before this was.
	Dialect     Dialect   `json:"dialect,omitempty"`
	Kind        Kind      `json:"kind,omitempty"`
	App         string    `json:"app"`
	Environment string    `json:"environment"`
	Source      string    `json:"source"`
	Received    time.Time `json:"received"`
}

// The limits. The first two are those of the Segment specification.
const (
	// MaxEvent is the size of the largest event, in bytes of JSON, and MaxBatch of a body with several.
	MaxEvent = 32 << 10
	MaxBatch = 500 << 10
	// MaxItems is how many events a body may have.
	MaxItems = 10_000
	// MaxKept is how large all events of a body may be together with what the batch says of each of them.
	MaxKept = 4 * MaxBatch
	// MaxDepth is how deep properties may be nested, MaxProperties how many an event may have on its first level.
	MaxDepth      = 32
	MaxProperties = 1000
	// MaxName is the length of the longest name of an event, and of an id, in bytes.
	MaxName = 1000
)
