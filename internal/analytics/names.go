package analytics

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// MayName is the condition, in SQL, for the failed events that may name whose id is $1: what an escape may hide, and what has it as it is. Names decides.
const MayName = `(position('\' IN raw) > 0 OR position(CAST($1 AS VARCHAR) IN raw) > 0)`

// IDs are the ids of users and visitors that a failed event names. One that could not be read at all is a string, with what came in it.
func IDs(raw json.RawMessage) []string { return capture.Ids(opened(raw)) }

// Names tells whether a failed event names a user or a visitor: where ids belong, in whatever way they are written, or as a string anywhere else.
func Names(raw json.RawMessage, id string) bool {
	raw = opened(raw)
	return slices.Contains(capture.Ids(raw), id) || valued(raw, id)
}

// Mentioned are all texts by which a failed event may name somebody: its ids, and what stands in quotes anywhere but as the name of a member. Of what is no JSON that is more than there is; nobody is missing.
func Mentioned(raw json.RawMessage) []string {
	raw = opened(raw)
	texts := capture.Ids(raw)
	begin := -1 // of what is in quotes
	for i := 0; i < len(raw); i++ {
		switch {
		case raw[i] == '\\':
			i++
		case raw[i] == '"' && begin >= 0 && !bytes.HasPrefix(bytes.TrimLeft(raw[i+1:], " \t\r\n"), []byte(":")):
			texts = append(texts, unquoted(raw[begin:i+1]))
			begin = i
		case raw[i] == '"':
			begin = i
		}
	}
	return texts
}

// unquoted is a text as JSON has it, in quotes; one that is none stays as it is.
func unquoted(raw []byte) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return string(raw[1 : len(raw)-1])
	}
	return text
}

// valued tells whether a string is somewhere in JSON, but as the name of a member.
func valued(raw []byte, text string) bool {
	quoted := []byte(`"` + text + `"`)
	for {
		_, rest, found := bytes.Cut(raw, quoted)
		if !found {
			return false
		}
		if !bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(":")) {
			return true
		}
		raw = rest
	}
}

func opened(raw json.RawMessage) json.RawMessage {
	var text string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return json.RawMessage(text)
	}
	return raw
}
