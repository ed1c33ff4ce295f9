package evaluate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// maxURL is how long the address of a visitor's page may be: each experiment looks into its query.
const maxURL = 10 << 10

// remote evaluates all flags for a visitor, for GrowthBook's clients that are told values (remoteEval).
func (d *Door) remote(w http.ResponseWriter, r *http.Request) {
	k, err := d.key(r.PathValue("key"))
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	body, err := object(w, r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	v, err := visitor(body)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	set, err := d.flags.Set(r.Context(), k.App, k.Environment)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	t, err := d.told(set, k)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	out, err := d.values(t, k, v)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	h := w.Header()
	h.Set(sseSupport, "enabled")
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(out) // who does not listen any more needs no answer
}

// visitor reads who is asked about.
func visitor(body map[string]json.RawMessage) (*assign.Visitor, error) {
	v := &assign.Visitor{}
	var err error
	if v.Attributes, err = attributes(body["attributes"], "attributes"); err != nil {
		return nil, err
	}
	if raw := body["url"]; !missing(raw) {
		if json.Unmarshal(raw, &v.URL) != nil {
			return nil, wrongType("url", "a string", raw)
		}
		if len(v.URL) > maxURL {
			return nil, tooLong("url", len(v.URL), maxURL)
		}
	}
	if raw := body["forcedVariations"]; !missing(raw) {
		if v.Forced, err = forcedVariations(raw); err != nil {
			return nil, err
		}
	}
	if raw := body["forcedFeatures"]; !missing(raw) {
		if v.Values, err = forcedFeatures(raw); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// forcedVariations are numbers by the keys of experiments.
func forcedVariations(raw json.RawMessage) (map[string]int, error) {
	var all map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &all) != nil {
		return nil, wrongType("forcedVariations", "an object of numbers by experiment", raw)
	}
	out := make(map[string]int, len(all))
	for key, one := range all {
		var n float64
		if json.Unmarshal(one, &n) != nil || n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 || missing(one) {
			return nil, wrongType(short("forcedVariations."+key), "the number of a variation", one)
		}
		out[key] = int(n)
	}
	return out, nil
}

// forcedFeatures are values by the names of flags, in pairs.
func forcedFeatures(raw json.RawMessage) (map[string]assign.Value, error) {
	var all []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &all) != nil {
		return nil, wrongType("forcedFeatures", "a list of pairs, each a name and a value", raw)
	}
	out := make(map[string]assign.Value, len(all))
	for i, one := range all {
		var pair []json.RawMessage
		var name string
		if one[0] != '[' || json.Unmarshal(one, &pair) != nil || len(pair) != 2 || json.Unmarshal(pair[0], &name) != nil || missing(pair[0]) {
			return nil, wrongType(fmt.Sprintf("forcedFeatures[%d]", i), "a pair of a name and a value", one)
		}
		out[name] = assign.ValueOf(string(pair[1]))
	}
	return out, nil
}

// track is an exposure that the client is to tell of. Of the experiment it has what reports need, and neither whom it means nor what others get.
type track struct {
	Experiment map[string]json.RawMessage `json:"experiment"`
	Result     *assign.Assignment         `json:"result"`
}

// values is a payload in which all is decided: flags with a value for everybody, and with the exposures on the way to it.
func (d *Door) values(t *told, k flag.Key, v *assign.Visitor) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`{"status":200,"features":{`)
	var trail assign.Trail
	next := ""
	for name, r := range t.view.Flags.All(v, &trail) {
		d.count(k, name, &r)
		key, err := json.Marshal(name)
		if err != nil {
			return nil, fmt.Errorf("write the name of a flag: %w", err)
		}
		fmt.Fprintf(&b, `%s%s:{"defaultValue":%s`, next, key, r.Value.JSON())
		next = ","
		if len(trail.Exposures) > 0 {
			tracks, err := tracksOf(trail.Exposures)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, `,"rules":[{"force":%s,"tracks":%s}]`, r.Value.JSON(), tracks)
			trail.Exposures = trail.Exposures[:0]
		}
		b.WriteByte('}')
	}
	fmt.Fprintf(&b, `},"experiments":[],"dateUpdated":%q}`, t.modified())
	return b.Bytes(), nil
}

func tracksOf(exposures []assign.Assignment) ([]byte, error) {
	tracks := make([]track, len(exposures))
	for i := range exposures {
		a := &exposures[i]
		raw, err := a.Definition()
		if err != nil {
			return nil, fmt.Errorf("read experiment %s: %w", a.Experiment.Key, err)
		}
		var all map[string]json.RawMessage
		if err := json.Unmarshal(raw, &all); err != nil {
			return nil, fmt.Errorf("read experiment %s: %w", a.Experiment.Key, err)
		}
		tracks[i] = track{map[string]json.RawMessage{"variations": json.RawMessage("[]")}, a}
		for _, name := range []string{"key", "name", "phase", "hashAttribute"} {
			if one, ok := all[name]; ok {
				tracks[i].Experiment[name] = one
			}
		}
	}
	return json.Marshal(tracks)
}
