package reduce

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
)

// Filter chooses flags and experiments by what their payload says of them (metadata). A nil list does not choose; of a list one entry is enough.
type Filter struct {
	Projects []string
	Tags     []string
	Fields   map[string][]any // the custom fields, each with the values that are wanted
}

// Options say what stays.
type Options struct {
	Include Filter // what matches all of it stays
	Exclude Filter // what matches any of it goes
	// Alone leaves out flags that others need where the filters leave them out, holdouts excepted. Clients then take them for flags that nobody knows.
	Alone bool
}

type object = map[string]any

// work is one reduction.
type work struct {
	Options
	pruner      *condition.Pruner
	all         object // the flags of the payload
	features    object // those that stay
	experiments []any
	bandits     object
}

// Payload reduces a payload for whoever has the known attributes.
func Payload(payload []byte, known map[string]any, o Options) ([]byte, error) {
	whole, err := decode(payload)
	if err != nil {
		return nil, err
	}
	groups, _ := whole["savedGroups"].(object)
	w := &work{Options: o, features: object{}, experiments: []any{}, bandits: object{}}
	w.all, _ = whole["features"].(object)
	if w.pruner, err = condition.NewPruner(known, groups); err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(w.all)) {
		if w.wanted(metadata(w.all[id])) {
			w.add(id)
		}
	}
	experiments, _ := whole["experiments"].([]any)
	for _, e := range experiments {
		if w.wanted(metadata(e)) {
			w.experiments = append(w.experiments, w.prune(e, false))
		}
	}
	for _, e := range w.experiments {
		w.addParents(e)
	}
	bandits, some := whole["contextualBandits"].(object)
	w.keepBandits(bandits)
	out := maps.Clone(whole)
	out["features"], out["experiments"] = w.features, w.experiments
	out["savedGroups"] = w.keepGroups(groups)
	if delete(out, "contextualBandits"); some {
		out["contextualBandits"] = w.bandits
	}
	return encode(out)
}

func decode(payload []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber() // so that numbers stay as they are written
	var whole object
	if err := d.Decode(&whole); err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	return whole, nil
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("write the payload: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func metadata(item any) object {
	obj, _ := item.(object)
	meta, _ := obj["metadata"].(object)
	return meta
}

// wanted tells whether the filters keep what has this metadata.
func (w *work) wanted(meta object) bool {
	in, out := w.Include, w.Exclude
	if !w.inProjects(meta) || in.Tags != nil && !shares(meta["tags"], in.Tags) || shares(meta["projects"], out.Projects) || shares(meta["tags"], out.Tags) {
		return false
	}
	fields, _ := meta["customFields"].(object)
	for name, values := range in.Fields {
		if !shares(fields[name], values) {
			return false
		}
	}
	for name, values := range out.Fields {
		if shares(fields[name], values) {
			return false
		}
	}
	return true
}

// inProjects tells whether a flag is of one of the projects, or of all. One without projects is of none.
func (w *work) inProjects(meta object) bool {
	all := meta["allProjects"]
	return w.Include.Projects == nil || all != nil && all != false && all != "" && all != json.Number("0") || shares(meta["projects"], w.Include.Projects)
}

// shares tells whether a value, or one of a list, is among those that are wanted.
func shares[T any](v any, wanted []T) bool {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	return slices.ContainsFunc(list, func(one any) bool {
		return slices.ContainsFunc(wanted, func(w T) bool { return alike(one, any(w)) })
	})
}

// alike compares scalars; lists and objects are never alike.
func alike(v, wanted any) bool {
	if f, ok := condition.Number(wanted); ok {
		n, ok := condition.Number(v)
		return ok && n == f
	}
	switch wanted.(type) {
	case nil, string, bool:
		return v == wanted
	}
	return false
}

// add keeps a flag, and the flags that it needs.
func (w *work) add(id string) {
	feature, ok := w.all[id].(object)
	if _, done := w.features[id]; !ok || done {
		return
	}
	rules, ok := feature["rules"].([]any)
	if !ok {
		w.features[id] = feature
		return
	}
	// Rules of other projects go. A flag that is here because another needs it keeps its own project's.
	scoped := w.inProjects(metadata(feature))
	kept := []any{}
	for _, rule := range rules {
		if projects := metadata(rule)["projects"]; !scoped || w.Include.Projects == nil || projects == nil || shares(projects, w.Include.Projects) {
			kept = append(kept, w.prune(rule, true))
		}
	}
	feature = maps.Clone(feature)
	feature["rules"] = kept
	w.features[id] = feature // before its parents, so that a circle ends
	for _, rule := range kept {
		w.addParents(rule)
	}
}

func (w *work) addParents(item any) {
	obj, _ := item.(object)
	parents, _ := obj["parentConditions"].([]any)
	for _, p := range parents {
		parent, _ := p.(object)
		if id, ok := parent["id"].(string); ok && (!w.Alone || strings.HasPrefix(id, "$holdout:")) {
			w.add(id)
		}
	}
}

// prune reduces the condition of a rule, or of an experiment.
func (w *work) prune(item any, rule bool) any {
	obj, ok := item.(object)
	cond, some := obj["condition"].(object)
	if !ok || !some {
		return item
	}
	obj = maps.Clone(obj)
	switch res := w.pruner.Prune(cond); res {
	case true:
		delete(obj, "condition")
	case false:
		// The rule stays: earlier assignments and forced variations do not ask the condition, and prerequisites are asked before it. Its value, which nobody gets, goes.
		obj["condition"] = object{"$not": object{}}
		if _, ok := obj["force"]; ok && rule {
			obj["force"] = nil
		}
	default:
		obj["condition"] = res
	}
	return obj
}
