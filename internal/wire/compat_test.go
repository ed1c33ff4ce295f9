package wire_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/wire"
)

var update = flag.Bool("update", false, "write the golden files that are missing")

// messages are all that goes over the wire, but for the seconds of edges and hosts, which package event has.
var messages = map[string]func() any{
	"join_request": func() any { return &wire.JoinRequest{} }, "join_answer": func() any { return &wire.JoinAnswer{} }, "beat": func() any { return &wire.Beat{} },
	"desired": func() any { return &wire.Desired{} }, "report": func() any { return &wire.Report{} }, "lease_request": func() any { return &wire.LeaseRequest{} },
	"lease": func() any { return &wire.Lease{} }, "lease_beat": func() any { return &wire.LeaseBeat{} }, "lease_order": func() any { return &wire.LeaseOrder{} },
	"lease_result": func() any { return &wire.LeaseResult{} }, "snapshot": func() any { return &wire.Snapshot{} },
}

// TestTheVersionBeforeIsUnderstood reads messages as they are of version 1, with every field filled in, whole, with fields of a version to come in every object, and with each field
// away in turn, as a version before it sent them. What is read must hold all that the message said: agents and edges of the version before work with this server, and the
// other way round. The golden files stay; a field may be added to the types, and none renamed.
func TestTheVersionBeforeIsUnderstood(t *testing.T) {
	for name, empty := range messages {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "1", name+".json")
			if _, err := os.Stat(path); *update && os.IsNotExist(err) {
				m := empty()
				fill(reflect.ValueOf(m).Elem(), new(int))
				body, err := json.MarshalIndent(m, "", "  ")
				if err == nil {
					err = os.WriteFile(path, append(body, '\n'), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var said any
			if err := json.Unmarshal(body, &said); err != nil {
				t.Fatal(err)
			}
			read(t, empty(), said, said)
			read(t, empty(), added(said), said)
			for _, less := range without(said) {
				read(t, empty(), less, less)
			}
		})
	}
}

// read reads what was sent into a message, which must say all of said.
func read(t *testing.T, m, sent, said any) {
	t.Helper()
	body, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, m); err != nil {
		t.Errorf("%s: %v", body, err)
		return
	}
	again, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var now any
	if err := json.Unmarshal(again, &now); err != nil {
		t.Fatal(err)
	}
	if lost := within("", said, now); lost != "" {
		t.Errorf("of %s is lost %s", body, lost)
	}
}

// within names what of was is not in is; empty where all of it is.
func within(path string, was, is any) string {
	switch was := was.(type) {
	case map[string]any:
		now, _ := is.(map[string]any)
		for k, v := range was {
			if lost := within(path+"."+k, v, now[k]); lost != "" {
				return lost
			}
		}
	case []any:
		now, _ := is.([]any)
		if len(now) != len(was) {
			return path
		}
		for i := range was {
			if lost := within(fmt.Sprintf("%s[%d]", path, i), was[i], now[i]); lost != "" {
				return lost
			}
		}
	default:
		if was != is {
			return path
		}
	}
	return ""
}

// added gives every object a field that this version does not know.
func added(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = added(x)
		}
		if !plain(v) {
			out["of_a_later_version"] = map[string]any{"x": []any{1.0}}
		}
		return out
	case []any:
		var out []any
		for _, x := range v {
			out = append(out, added(x))
		}
		return out
	}
	return v
}

// plain tells whether an object is a map of texts by names of somebody's own, such as labels, and no message.
func plain(v map[string]any) bool { _, ok := v["key-of-a-map"]; return ok }

// without gives the message without each of its objects' fields in turn.
func without(v any) (out []any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			rest := map[string]any{}
			for other, y := range v {
				if other != k {
					rest[other] = y
				}
			}
			out = append(out, rest)
			for _, less := range without(x) {
				whole := map[string]any{k: less}
				for other, y := range rest {
					whole[other] = y
				}
				out = append(out, whole)
			}
		}
	case []any:
		for _, x := range v {
			for _, less := range without(x) {
				out = append(out, []any{less})
			}
		}
	}
	return out
}

// fill gives every field a value of its own.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 1, 12, 0, *n, 0, time.UTC)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			v.SetBytes([]byte(`{"a":1}`))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), n)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		value := reflect.New(v.Type().Elem()).Elem()
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key-of-a-map").Convert(v.Type().Key()), value)
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) / 4)
	default:
		panic("no value of " + v.Type().String())
	}
}
