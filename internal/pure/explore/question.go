package explore

import (
	"fmt"
	"time"
)

// Mistake is what is wrong with a question, and where.
type Mistake struct {
	Field   string // such as "steps[1].event"
	Message string
}

func (m *Mistake) Error() string { return m.Field + ": " + m.Message }

func wrong(field, format string, args ...any) *Mistake {
	return &Mistake{Field: field, Message: fmt.Sprintf(format, args...)}
}

// Selection is which events are meant. Nothing set means all.
type Selection struct {
	Event string      `json:"event,omitempty" maxLength:"1000" doc:"Name of the event; empty for any"`
	Kind  string      `json:"kind,omitempty" enum:"track,page,screen,identify,group,alias,exposure" doc:"Kind of the event; empty for any"`
	Where []Condition `json:"where,omitempty" maxItems:"20"`
}

// Condition is what must be true of a property.
type Condition struct {
	Property string `json:"property" minLength:"1" maxLength:"1000" doc:"Name of a property, such as plan; context.page.path reaches into the context; release, environment, source, user and the like are the event's own, written as event.release"`
	Is       string `json:"is" enum:"equal,not_equal,contains,set,not_set,more,less" doc:"more and less compare numbers"`
	Value    string `json:"value,omitempty" maxLength:"10000"`
}

// Span is the time that a question is about.
type Span struct {
	From time.Time `json:"from" doc:"First moment"`
	To   time.Time `json:"to" doc:"First moment behind it"`
	Zone string    `json:"zone,omitempty" maxLength:"60" doc:"IANA name of the time zone that days begin in; UTC when it is empty" example:"Europe/Berlin"`
}

// Scope is what all questions say.
type Scope struct {
	Span
	Environment string `json:"environment,omitempty" maxLength:"100" doc:"Only what was sent from there; empty for all"`
}

// Trend asks how many, over time.
type Trend struct {
	Scope
	Selection
	Measure  string `json:"measure,omitempty" enum:"events,visitors,sum,average,p90" default:"events"`
	Of       string `json:"of,omitempty" maxLength:"1000" doc:"Property with the number that sum, average and p90 are of"`
	Interval string `json:"interval,omitempty" enum:"minute,hour,day,week,month" default:"day"`
	Split    string `json:"split,omitempty" maxLength:"1000" doc:"Property whose values are counted apart: the ten most frequent ones, and the others"`
}

// Funnel asks how many go all the way.
type Funnel struct {
	Scope
	Steps  []Selection `json:"steps" minItems:"2" maxItems:"10"`
	Within int         `json:"within_seconds,omitempty" minimum:"1" maximum:"31536000" default:"604800" doc:"How long after the first step the last may be"`
}

// Retention asks how many come back.
type Retention struct {
	Scope
	First    Selection `json:"first,omitempty" doc:"What makes a visitor one of a cohort: the first time in the span"`
	Back     Selection `json:"back,omitempty" doc:"What counts as coming back"`
	Interval string    `json:"interval,omitempty" enum:"day,week,month" default:"week"`
}

// Top asks for the most frequent values.
type Top struct {
	Scope
	Selection
	Property string `json:"property" minLength:"1" maxLength:"1000"`
	Limit    int    `json:"limit,omitempty" minimum:"1" maximum:"1000" default:"20"`
}

// Timeline asks what one visitor did, the newest first.
type Timeline struct {
	Visitor string    `json:"visitor" minLength:"1" maxLength:"1000" doc:"User id or anonymous id"`
	Before  time.Time `json:"before,omitzero" doc:"Only what was before; now when it is left out"`
	Behind  uint64    `json:"before_sequence,omitempty" doc:"Only what comes behind the event of this sequence (seq of an answer's last row): the next page, in which nothing is left out or comes twice"`
	Limit   int       `json:"limit,omitempty" minimum:"1" maximum:"1000" default:"100"`
}

// Others and None stand for values that are not among the most frequent, and for none at all.
const (
	Others = "(others)"
	None   = "(none)"
)

// top is how many values of a split are counted apart.
const top = 10
