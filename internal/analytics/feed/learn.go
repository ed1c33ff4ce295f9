package feed

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// MaxLearned is how many names of events and properties, with their types, are learnt of one app. What is more is counted under the name More.
const (
	MaxLearned = 10_000
	More       = "(more)"
	// longest is how many bytes of a property's name are learnt, and longestName of an event's: the index of PostgreSQL takes 2,700 of both. What is longer is counted under the name More, too.
	longest, longestName = 200, capture.MaxName
)

// key is what is learnt about.
type key struct {
	kind           capture.Kind
	name, property string
	typ            string
}

// learner counts what one app's events look like.
type learner struct {
	known map[key]bool
}

func (f *Feeder) learner(ctx context.Context, app string, store analytics.Store) (*learner, error) {
	if l := f.learners[app]; l != nil {
		return l, nil
	}
	learned, err := store.Learned(ctx)
	if err != nil {
		return nil, err
	}
	l := &learner{known: map[key]bool{}}
	for _, k := range learned {
		l.known[key{k.Kind, k.Name, k.Property, k.Type}] = true
	}
	f.learners[app] = l
	return l, nil
}

// learn tells what the rows of a batch behind a position show.
func (l *learner) learn(b *analytics.Batch, after uint64) []analytics.Learned {
	sums := map[key]*analytics.Learned{}
	for i := range b.Rows {
		b.Breathe(i)
		r := &b.Rows[i]
		if r.Sequence <= after {
			continue
		}
		name := learnable(r.Name, longestName)
		l.count(sums, key{kind: r.Kind, name: name}, r)
		capture.Members(r.Properties, func(property string, value json.RawMessage) {
			l.count(sums, key{r.Kind, name, learnable(property, longest), typeOf(value)}, r)
		})
	}
	out := make([]analytics.Learned, 0, len(sums))
	for _, s := range sums {
		out = append(out, *s)
	}
	return out
}

// learnable is a name as a store can keep it.
func learnable(name string, most int) string {
	if len(name) > most {
		return More
	}
	return strings.ToValidUTF8(strings.ReplaceAll(name, "\x00", "\ufffd"), "\ufffd")
}

func (l *learner) count(sums map[key]*analytics.Learned, k key, r *analytics.Row) {
	if !l.known[k] {
		if len(l.known) >= MaxLearned {
			k = key{name: More}
		}
		l.known[k] = true
	}
	s := sums[k]
	if s == nil {
		s = &analytics.Learned{Kind: k.kind, Name: k.name, Property: k.property, Type: k.typ, First: r.Received, Last: r.Received}
		sums[k] = s
	}
	s.Count++
	if r.Received.Before(s.First) {
		s.First = r.Received
	}
	if r.Received.After(s.Last) {
		s.Last = r.Received
	}
}

// typeOf is the type of a JSON value, in JSON's words.
func typeOf(raw json.RawMessage) string {
	switch raw[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	default:
		return "number"
	}
}
