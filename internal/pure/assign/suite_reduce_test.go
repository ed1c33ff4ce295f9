package assign_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
	"github.com/slipwayhq/slipway/internal/pure/assign/reduce"
)

func TestSuitePrune(t *testing.T) {
	for _, c := range tuples(t, suite(t)["pruneCondition"], 39) {
		t.Run(into[string](t, c[0]), func(t *testing.T) {
			var groups map[string]any
			if len(c) > 4 {
				groups = into[map[string]any](t, c[4])
			}
			p, err := condition.NewPruner(into[map[string]any](t, c[2]), groups)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(into[any](t, c[3]), p.Prune(into[map[string]any](t, c[1]))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// filters as the cases write them.
type filters struct {
	Projects []string         `json:"projects"`
	Tags     []string         `json:"tags"`
	Fields   map[string][]any `json:"customFields"`
}

func TestSuiteReduce(t *testing.T) {
	for _, c := range tuples(t, suite(t)["reducePayload"], 29) {
		t.Run(into[string](t, c[0]), func(t *testing.T) {
			in := into[struct {
				Payload          json.RawMessage
				GlobalAttributes map[string]any
				Attributes       map[string]any
				Include, Exclude filters
				Prerequisites    string
			}](t, c[1])
			known := map[string]any{}
			maps.Copy(known, in.GlobalAttributes)
			maps.Copy(known, in.Attributes)
			got, err := reduce.Payload(in.Payload, known, reduce.Options{Include: reduce.Filter(in.Include), Exclude: reduce.Filter(in.Exclude), Alone: in.Prerequisites == "filter"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(into[any](t, c[2]), into[any](t, got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
