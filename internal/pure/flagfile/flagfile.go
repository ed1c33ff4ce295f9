// Package flagfile writes and reads flags as code: a list of flags in YAML, as the API's list of flags takes it.
//
//	flags as the API shows them ──Write──> flags: [{name: …, states: {production: {…}}}, …] ──Read──> what the API takes
//
// Written is what people set, and nothing that follows from it, so that a file changes only when a flag does.
package flagfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// members are those that a file has of each flag, in this order.
func members() []string {
	return []string{"kind", "name", "description", "owner", "tags", "type", "server_only", "permanent", "stale_days", "states"}
}

// Write gives flags, each in the API's JSON, as YAML.
func Write(flags []json.RawMessage) ([]byte, error) {
	list := make([]yaml.MapSlice, 0, len(flags))
	for _, raw := range flags {
		one, err := code(raw)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	out, err := yaml.MarshalWithOptions(yaml.MapSlice{{Key: "flags", Value: list}}, yaml.IndentSequence(false))
	if err != nil {
		return nil, fmt.Errorf("write flags as YAML: %w", err)
	}
	return out, nil
}

// code is a flag as a file has it. What is usual is left out.
func code(raw json.RawMessage) (yaml.MapSlice, error) {
	var f map[string]any
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("read a flag: %w", err)
	}
	states, _ := f["states"].(map[string]any)
	ramps, _ := f["ramps"].(map[string]any)
	for env, r := range ramps { // a file has what people set, and a ramp moves its rule by itself
		if ramp, ok := r.(map[string]any); ok && ramp["beneath"] != nil {
			states[env] = ramp["beneath"]
		}
	}
	for _, s := range states {
		if state, ok := s.(map[string]any); ok {
			for _, ours := range []string{"changed_at", "changed_by", "revision"} {
				delete(state, ours)
			}
		}
	}
	out := yaml.MapSlice{}
	for _, name := range members() {
		v, ok := f[name]
		if !ok || name == "kind" && v == "flag" || name == "type" && v == "boolean" || name == "states" && len(states) == 0 {
			continue
		}
		out = append(out, yaml.MapItem{Key: name, Value: v})
	}
	return out, nil
}

// Read gives the flags of a file, in YAML or JSON. Its errors say line and column.
func Read(text []byte) ([]map[string]any, error) {
	var list struct {
		Flags []map[string]any `yaml:"flags"`
	}
	if err := yaml.UnmarshalWithOptions(text, &list, yaml.Strict()); err != nil {
		return nil, errors.New(strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	if list.Flags == nil {
		return nil, errors.New("it has no flags; it begins with flags: and a list, as slipway flag export prints it")
	}
	return list.Flags, nil
}

// Line is where in a file, in YAML or JSON, a flag begins, counted from 0 as Read gives them; 0 where that cannot be told.
func Line(text []byte, flag int) int {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return 0
	}
	path, err := yaml.PathString(fmt.Sprintf("$.flags[%d]", flag))
	if err != nil {
		return 0
	}
	node, err := path.FilterFile(file)
	if err != nil || node == nil {
		return 0
	}
	if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return m.Values[0].Key.GetToken().Position.Line
	}
	return node.GetToken().Position.Line
}
