package capture

import (
	"encoding/json"
	"fmt"
	"time"
)

// AppendJSON writes the event as encoding/json does by the tags of Event, in a fifth of the time: every event is written so into the log.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendQuoted(dst, e.ID)
	for _, m := range [...]struct{ name, value string }{{`,"app":`, e.App}, {`,"environment":`, e.Environment}, {`,"source":`, e.Source}, {`,"kind":`, string(e.Kind)}} {
		dst = appendQuoted(append(dst, m.name...), m.value)
	}
	for _, m := range [...]struct{ name, value string }{{`,"name":`, e.Name}, {`,"user":`, e.User}, {`,"anonymous":`, e.Anonymous}, {`,"previous":`, e.Previous}, {`,"group":`, e.Group}} {
		if m.value != "" {
			dst = appendQuoted(append(dst, m.name...), m.value)
		}
	}
	dst = appendTime(append(dst, `,"time":`...), e.Time)
	if !e.Original.IsZero() {
		dst = appendTime(append(dst, `,"original":`...), e.Original)
	}
	if !e.Sent.IsZero() {
		dst = appendTime(append(dst, `,"sent":`...), e.Sent)
	}
	dst = appendTime(append(dst, `,"received":`...), e.Received)
	if e.Release != "" {
		dst = appendQuoted(append(dst, `,"release":`...), e.Release)
	}
	if len(e.Properties) > 0 {
		dst = append(append(dst, `,"properties":`...), e.Properties...)
	}
	if len(e.Context) > 0 {
		dst = append(append(dst, `,"context":`...), e.Context...)
	}
	return append(dst, '}')
}

func appendTime(dst []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(dst, '"'), time.RFC3339Nano), '"')
}

// ReadEvent reads what AppendJSON wrote. Properties and Context are parts of raw.
func ReadEvent(raw []byte) (e Event, err error) {
	whole := split(raw, func(name string, value json.RawMessage) {
		if err == nil {
			err = e.read(name, value)
		}
	})
	if err == nil && !whole {
		err = errNotJSON
	}
	return e, err
}

// read reads a member; those of newer programs are passed over.
func (e *Event) read(name string, value json.RawMessage) (err error) {
	var text *string
	var at *time.Time
	switch name {
	case "id":
		text = &e.ID
	case "app":
		text = &e.App
	case "environment":
		text = &e.Environment
	case "source":
		text = &e.Source
	case "kind":
		text = (*string)(&e.Kind)
	case "name":
		text = &e.Name
	case "user":
		text = &e.User
	case "anonymous":
		text = &e.Anonymous
	case "previous":
		text = &e.Previous
	case "group":
		text = &e.Group
	case "release":
		text = &e.Release
	case "time":
		at = &e.Time
	case "original":
		at = &e.Original
	case "sent":
		at = &e.Sent
	case "received":
		at = &e.Received
	case "properties":
		e.Properties = value
	case "context":
		e.Context = value
	}
	if text == nil && at == nil || empty(value) {
		return nil
	}
	if value[0] != '"' {
		return fmt.Errorf("%s is %s", name, nameOf(value))
	}
	if text != nil {
		*text = unquoted(value)
		return nil
	}
	if *at, err = time.Parse(time.RFC3339Nano, unquoted(value)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
