// Package schema names the schemas of /openapi.json by the Go types behind them.
package schema

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Name is the type's name. What package flag calls State is a FlagState to others, since other slices have states, too.
func Name(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	const slice = "/decide/flag"
	if strings.HasSuffix(t.PkgPath(), slice) && !strings.HasPrefix(name, "Flag") {
		return "Flag" + name
	}
	// A list of them: List[…/decide/flag.Plan].
	if generic, of, ok := strings.Cut(t.Name(), "["); ok && strings.Contains(of, slice+".") && !strings.Contains(of, slice+".Flag") {
		return generic + "Flag" + strings.TrimPrefix(name, generic)
	}
	return name
}
