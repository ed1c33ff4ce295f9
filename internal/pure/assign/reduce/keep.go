package reduce

import (
	"maps"
	"slices"

	"github.com/slipwayhq/slipway/internal/pure/assign/circle"
)

// keepBandits keeps the bandits that are followed still, without the kinds of visitors that this one is not.
func (w *work) keepBandits(all object) {
	items := slices.Clone(w.experiments)
	for _, f := range w.features {
		obj, _ := f.(object)
		rules, _ := obj["rules"].([]any)
		items = append(items, rules...)
	}
	for _, item := range items {
		obj, _ := item.(object)
		ref, _ := obj["contextualBanditRef"].(string)
		def, ok := all[ref]
		if _, done := w.bandits[ref]; done || ref == "" || !ok {
			continue
		}
		bandit, ok := def.(object)
		if !ok {
			w.bandits[ref] = def // evaluations put up with it
			continue
		}
		bandit = maps.Clone(bandit)
		bandit["contexts"] = w.contexts(bandit["contexts"])
		w.bandits[ref] = bandit
	}
}

func (w *work) contexts(v any) []any {
	all, _ := v.([]any)
	kept := []any{}
	for _, c := range all {
		one, ok := c.(object)
		cond, isObject := one["condition"].(object)
		if !ok || !isObject && one["condition"] != nil {
			kept = append(kept, c) // the search ends there, and so it must stay
			continue
		}
		res := w.pruner.Prune(cond)
		if res == false {
			continue
		}
		if one = maps.Clone(one); res == true {
			res = object{}
		}
		one["condition"] = res
		kept = append(kept, one)
	}
	return kept
}

// keepGroups keeps the groups whose ids still stand anywhere, so that operators that are not known here find theirs, too.
func (w *work) keepGroups(groups object) object {
	reduced := []any{w.features, w.experiments, w.bandits}
	kept := object{}
	if len(groups) == 0 {
		return kept
	}
	asWritten := elsewhere(groups, reduced)
	circles := circle.Find(slices.Sorted(maps.Keys(groups)), func(id string) []string { return named(groups, id) })
	var keep func(v any)
	keep = func(v any) {
		id, ok := v.(string)
		entry, there := groups[id]
		if !ok || !there {
			each(v, func(_ string, one any) { keep(one) })
			return
		}
		if _, done := kept[id]; done {
			return
		}
		if obj, ok := entry.(object); ok && !asWritten[id] && !circles.In[id] {
			if left := w.pruner.Group(id); left != nil {
				obj = maps.Clone(obj)
				obj["condition"] = left
				entry = obj
			}
		}
		kept[id] = entry
		if names(entry) {
			keep(entry)
		}
	}
	keep(reduced)
	return kept
}

// elsewhere finds the groups that are asked about something else than the visitor, the elements of a list or the value of a prerequisite, and those that they name:
// what is known of the visitor says nothing of them.
func elsewhere(groups object, reduced any) map[string]bool {
	asWritten, seen := map[string]bool{}, map[string]bool{}
	var mark func(v any, visitor bool)
	mark = func(v any, visitor bool) {
		id, ok := v.(string)
		entry, there := groups[id]
		if !ok || !there {
			each(v, func(key string, one any) { mark(one, visitor && key != "$elemMatch" && key != "parentConditions") })
			return
		}
		if asWritten[id] || visitor && seen[id] {
			return
		}
		if visitor {
			seen[id] = true
		} else {
			asWritten[id] = true
		}
		if names(entry) {
			mark(entry, visitor)
		}
	}
	mark(reduced, true)
	return asWritten
}

// each calls f for what is directly below a value.
func each(v any, f func(key string, one any)) {
	switch v := v.(type) {
	case object:
		for k, one := range v {
			f(k, one)
		}
	case []any:
		for _, one := range v {
			f("", one)
		}
	}
}

// names tells whether a group can name others; the values of a list are no names.
func names(entry any) bool {
	obj, ok := entry.(object)
	return ok && obj["type"] != "list"
}

// named are the groups that a group names.
func named(groups object, id string) (ids []string) {
	var collect func(v any)
	collect = func(v any) {
		if s, ok := v.(string); ok {
			if _, there := groups[s]; there && !slices.Contains(ids, s) {
				ids = append(ids, s)
			}
			return
		}
		each(v, func(_ string, one any) { collect(one) })
	}
	if names(groups[id]) {
		collect(groups[id])
	}
	return ids
}
