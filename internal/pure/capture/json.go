package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Bodies are read in one pass that checks and splits them, since this is where most of the time of taking an event would go. As long as the standard library has no tokenizer of that kind, its
// forerunner does it.

// reader splits JSON. A value that it gives is a part of the text, not a copy.
type reader struct {
	dec  *jsontext.Decoder
	text []byte
}

func read(text []byte) reader {
	// Whatever clients send twice, or not in UTF-8, is not worth losing an event: the last of the same name counts.
	return reader{jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)), text}
}

// value gives the next value.
func (r reader) value() (json.RawMessage, error) {
	v, err := r.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	end := int(r.dec.InputOffset())
	return r.text[end-len(v) : end : end], nil
}

// list hands on each value of a list.
func (r reader) list(fn func(json.RawMessage)) error {
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != ']' {
		v, err := r.value()
		if err != nil {
			return err
		}
		fn(v)
	}
	_, err := r.dec.ReadToken()
	return err
}

// object hands on the name of each member; fn reads its value.
func (r reader) object(fn func(name string) error) error {
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != '}' {
		name, err := r.dec.ReadToken()
		if err == nil {
			err = fn(name.String())
		}
		if err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

// end checks that nothing more comes.
func (r reader) end() error {
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errNotJSON
	}
	return nil
}

// Members hands on the members of a JSON object, and tells whether it is one. Values are parts of raw.
func Members(raw json.RawMessage, fn func(name string, value json.RawMessage)) bool {
	r := read(raw)
	if r.dec.PeekKind() != '{' {
		return false
	}
	return r.object(func(name string) error {
		v, err := r.value()
		if err == nil {
			fn(name, v)
		}
		return err
	}) == nil
}

// member is a name and its value, as it came.
type member struct {
	name string
	raw  json.RawMessage
}

// fields are the members of an object that are looked at; no name is there twice. They are few, so that looking through them is faster than a map.
type fields []member

// many is from how many members on they are no longer looked through one by one.
const many = 64

// members reads an object of a body that was checked as a whole; ok is false for what is none.
func members(raw json.RawMessage) (f fields, ok bool) {
	if empty(raw) {
		return nil, true
	}
	var at map[string]int
	f = make(fields, 0, min(16, 2+len(raw)/24)) // about as many as there are
	ok = split(raw, func(name string, value json.RawMessage) {
		if at == nil && len(f) == many {
			at = make(map[string]int, 2*many)
			for i, m := range f {
				at[m.name] = i
			}
		}
		if at == nil {
			f.set(name, value)
			return
		}
		if i, twice := at[name]; twice {
			f[i].raw = value
			return
		}
		at[name], f = len(f), append(f, member{name, value})
	})
	return f, ok
}

func (f fields) find(name string) int {
	for i := range f {
		if f[i].name == name {
			return i
		}
	}
	return -1
}

// get gives a member's value, or nothing.
func (f fields) get(name string) json.RawMessage {
	if i := f.find(name); i >= 0 {
		return f[i].raw
	}
	return nil
}

// set gives a member another value, or adds it.
func (f *fields) set(name string, raw json.RawMessage) {
	if i := f.find(name); i >= 0 {
		(*f)[i].raw = raw
		return
	}
	*f = append(*f, member{name, raw})
}

// add adds the members that are not there yet. Names within more are there once.
func (f *fields) add(more fields) {
	if len(*f)*len(more) <= many*many {
		for _, m := range more {
			if f.find(m.name) < 0 {
				*f = append(*f, m)
			}
		}
		return
	}
	has := make(map[string]bool, len(*f))
	for _, m := range *f {
		has[m.name] = true
	}
	for _, m := range more {
		if !has[m.name] {
			*f = append(*f, m)
		}
	}
}

// take gives a member, by the first of its names that says something, and forgets all of them.
func (f *fields) take(names ...string) json.RawMessage {
	var found json.RawMessage
	for _, name := range names {
		if i := f.find(name); i >= 0 {
			if empty(found) {
				found = (*f)[i].raw
			}
			*f = slices.Delete(*f, i, i+1)
		}
	}
	return found
}

// texts reads several texts, name by name; where one is for the same place as another before it, the first that says something counts. The first mistake ends it.
func (f fields) texts(into ...place) error {
	for _, p := range into {
		s, err := text(p.name, f.get(p.name))
		if err != nil {
			return err
		}
		if *p.to == "" {
			*p.to = s
		}
	}
	return nil
}

// named refuses a name that is a number: ids are, in many apps, names are by mistake.
func (f fields) named(members ...string) error {
	for _, name := range members {
		if _, is := number(f.get(name)); is {
			return breaks(WrongType, "%s is a number; send a string", name)
		}
	}
	return nil
}

// place is where a text goes.
type place struct {
	name string
	to   *string
}

// appendObject writes the members as they are, sorted by name.
func (f fields) appendObject(dst []byte) []byte {
	slices.SortFunc(f, func(a, b member) int { return strings.Compare(a.name, b.name) })
	dst = append(dst, '{')
	for i, m := range f {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, m.name), ':')
		if len(m.raw) == 0 {
			dst = append(dst, "null"...)
		}
		dst = append(dst, m.raw...)
	}
	return append(dst, '}')
}

// rest is what is left of the members, as an object.
func (f fields) rest(field string) (json.RawMessage, error) {
	if len(f) == 0 {
		return nil, nil
	}
	n := 2
	for _, m := range f {
		n += len(m.name) + len(m.raw) + 4
	}
	return object(field, f.appendObject(make([]byte, 0, n)))
}

// quoted is a text as JSON.
func quoted(s string) json.RawMessage { return appendQuoted(make([]byte, 0, len(s)+2), s) }

// appendQuoted writes a text as JSON; bytes that are no UTF-8 become U+FFFD.
func appendQuoted(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			dst, _ = jsontext.AppendQuote(dst, s) // it complains of bytes that it replaced
			return dst
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// unquoted is the text of a JSON string that was read before. What is not Unicode in it becomes U+FFFD.
func unquoted(raw json.RawMessage) string {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	text, _ := jsontext.AppendUnquote(nil, raw) // it complains of what it replaced
	return string(text)
}
