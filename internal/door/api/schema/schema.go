// Package schema gives what /openapi.json has its names: schemas by the Go types behind them, operations by their routes.
package schema

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// prefixes are put before the names of a package's types: what package flag calls State is a FlagState to others, since other slices have states, too.
func prefixes() map[string]string {
	return map[string]string{"/decide/flag": "Flag", "/decide/flag/ramp": "Ramp", "/decide/limit": "Limit", "/pure/rate": "Rate"}
}

// Name is the type's name.
func Name(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	if strings.HasSuffix(t.PkgPath(), "/pure/judge") && (name == "Verdict" || name == "Reason") { // rollouts have their own, with more
		return "Judge" + name
	}
	generic, of, isGeneric := strings.Cut(t.Name(), "[") // a list: List[…/decide/flag.Plan]
	for slice, prefix := range prefixes() {
		switch {
		case strings.HasSuffix(t.PkgPath(), slice) && !strings.HasPrefix(name, prefix):
			return prefix + name
		case isGeneric && strings.Contains(of, slice+".") && !strings.Contains(of, slice+"."+prefix):
			return generic + prefix + strings.TrimPrefix(name, generic)
		}
	}
	return name
}

// Tag groups the operations of the docs by the last noun of the path.
func Tag(path string) string {
	last := ""
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/v1/"), "/") {
		if !strings.HasPrefix(part, "{") && (last == "" || strings.HasSuffix(part, "s") || part == "config" || part == "line") {
			last = part
		}
	}
	return last
}

// Operation is "get-apps-app-environments" and the like: unique, since routes are.
func Operation(method, path string) string {
	return strings.ToLower(method) + strings.NewReplacer("/v1/", "-", "/", "-", "{", "", "}", "").Replace(path)
}
