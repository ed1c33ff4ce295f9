package condition_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
)

// Corners that dice seldom find.
func TestCorners(t *testing.T) {
	for _, c := range [][2]string{
		{`{"a":{"$elemMatch":{"$exists":false}}}`, `{"a":[null]}`},
		{`{"a":{"$elemMatch":{"$nin":["x"]}}}`, `{"a":[null,"x"]}`},
		{`{"a":{"$all":[null]}}`, `{"a":[null]}`},
		{`{"a":{"$lt":"\ufffd"}}`, `{"a":"\ud83d\ude00"}`},
		{`{"a":{"$gt":"x\ud83d\ude00"}}`, `{"a":"x\uffee"}`},
		{`{"a":{"$gt":"x\ud83d\ude00"}}`, `{"a":"x\ud83d\ude01"}`},
		{`{"a":{"$lte":"aé"}}`, `{"a":"aè"}`},
		{`{"a":{"$ini":["a","b","c","d","e","f","g","h","iJ"]}}`, `{"a":"Ij"}`},
		{`{"a":{"$ini":["a","b","c","d","e","f","g","h","iJ","k"]}}`, `{"a":["\u212a"]}`},
		{`{"a":{"$ini":["a","b","c","d","e","f","g","h","É"]}}`, `{"a":"é"}`},
		{`{"a":{"$in":["a","b","c","d","e","f","g","h","i",null,7]}}`, `{}`},
		{`{"a":{"$vgte":"1.2.3+x"}}`, `{"a":"v1.2.3-rc.1"}`},
		{`{"a":{"$not":{"$or":[]}}}`, `{"a":1}`},
		{`{"$or":[{"a":{"$type":7}},{"b":1}]}`, `{"b":1}`},
		{`{"$or":[{"b":1},{"a":{"$type":7}}]}`, `{"b":1}`},
		{`{"a":{"b":[1,{"c":null}]}}`, `{"a":{"b":[1,{"c":null}]}}`},
		{`{"a":{"b":[1,{"c":null}]}}`, `{"a":{"b":[1,{}]}}`},
		{`{"a.1.length":2}`, `{"a":[0,["x","y"]]}`},
		{`{"a.01":1}`, `{"a":[0,1]}`},
	} {
		var cond any
		var attributes map[string]any
		if err := json.Unmarshal([]byte(c[0]), &cond); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(c[1]), &attributes); err != nil {
			t.Fatal(err)
		}
		compare(t, cond, attributes, nil)
	}
}

// Attributes that Go programs give, and JSON cannot.
func TestGoTypes(t *testing.T) {
	for _, c := range []struct {
		cond  string
		value any
		want  condition.Outcome
	}{
		{`{"a":7}`, 7, condition.Pass},
		{`{"a":7}`, int64(7), condition.Pass},
		{`{"a":7}`, int32(7), condition.Pass},
		{`{"a":7}`, int16(7), condition.Pass},
		{`{"a":7}`, int8(7), condition.Pass},
		{`{"a":7}`, uint(7), condition.Pass},
		{`{"a":7}`, uint64(7), condition.Pass},
		{`{"a":7}`, uint32(7), condition.Pass},
		{`{"a":7}`, uint16(7), condition.Pass},
		{`{"a":7}`, uint8(7), condition.Pass},
		{`{"a":7}`, float32(7), condition.Pass},
		{`{"a":7}`, json.Number("7.0"), condition.Pass},
		{`{"a":{"$type":"null"}}`, json.Number("x"), condition.Pass},
		{`{"a":{"$gte":0}}`, math.NaN(), condition.Fail},
		{`{"a":{"$lte":0}}`, math.NaN(), condition.Fail},
		{`{"a":{"$gte":0}}`, math.Inf(1), condition.Pass},
		{`{"a":{"$all":["x","y"],"$size":2},"a.1":"y","a.length":2}`, []string{"x", "y"}, condition.Pass},
		{`{"a":["x"]}`, []string{"x"}, condition.Pass},
		{`{"a":{"b":"c"},"a.b":"c"}`, map[string]string{"b": "c"}, condition.Pass},
		{`{"a":{"b":"c"}}`, map[string]string{"b": "d"}, condition.Fail},
		{`{"a":{"$exists":true}}`, struct{}{}, condition.Fail},
	} {
		if got := matched(t, c.cond, map[string]any{"a": c.value}, ""); got != c.want {
			t.Errorf("%s of %T(%v) gives %d", c.cond, c.value, c.value, got)
		}
	}
}

// A name with a point is the way into an object, never the name of an attribute.
func TestPrunedWays(t *testing.T) {
	p, err := condition.NewPruner(map[string]any{"a.b": 1.0, "c": 2.0}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(any(map[string]any{"a.b": 1.0}), p.Prune(map[string]any{"a.b": 1.0, "c": 2.0})); diff != "" {
		t.Error(diff)
	}
}
