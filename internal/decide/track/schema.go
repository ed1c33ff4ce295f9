package track

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// schemas are a Plan, compiled.
type schemas struct {
	mode       string
	additional bool
	key        string
	beside     []*schemas // of releases under way: what one of them allows is as planned
	events     map[planned]*jsonschema.Schema
}

type planned struct {
	kind capture.Kind
	name string
}

// nothing loads no schema from anywhere: a plan is whole, and asks no network and no disk.
type nothing struct{}

func (nothing) Load(string) (any, error) {
	return nil, errors.New("references lead within the schema alone, such as #/$defs/price")
}

// compile says what is wrong with a plan, and where.
func compile(p Plan) (*schemas, error) {
	out := &schemas{mode: p.Mode, additional: p.AdditionalEvents, key: p.key, events: map[planned]*jsonschema.Schema{}}
	for i, e := range p.Events {
		field := fmt.Sprintf("events[%d].schema", i)
		key := planned{e.Kind, e.Name}
		if out.events[key] != nil {
			return nil, fault.Invalid("%s %q is planned twice", e.Kind, e.Name).At(fmt.Sprintf("events[%d]", i))
		}
		if e.Kind == capture.Track && e.Name == "" {
			return nil, fault.Invalid("a track event needs a name").At(fmt.Sprintf("events[%d].name", i))
		}
		schema, err := compileOne(e.Schema)
		if err != nil {
			where, why := mistake(err)
			return nil, fault.Invalid("the schema of %q is none: at %s, %s", e.Name, where, why).At(field + where)
		}
		out.events[key] = schema
	}
	return out, nil
}

func compileOne(schema any) (*jsonschema.Schema, error) {
	raw, err := json.Marshal(schema)
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	const address = "plan:event"
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(nothing{})
	if err := c.AddResource(address, document); err != nil {
		return nil, err
	}
	return c.Compile(address)
}

// mistake is where a schema is wrong, as a JSON pointer, and why.
func mistake(err error) (where, why string) {
	var schema *jsonschema.SchemaValidationError
	if errors.As(err, &schema) { // it does not unwrap
		err = schema.Err
	}
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		f := first(invalid)
		return f.Path, f.Fault
	}
	var load *jsonschema.LoadURLError
	if errors.As(err, &load) {
		return "/", fmt.Sprintf("%q is not loaded: %s", load.URL, load.Err)
	}
	return "/", err.Error()
}

// PlanFault is how an event is not as planned. What it says names properties and types, and no value: those are the users'.
type PlanFault struct {
	Path  string `json:"path" doc:"Where, as a JSON pointer into the properties; empty for the event itself"`
	Fault string `json:"fault"`
}

// check tells how an event is not as planned, nil when it is, by one of the plans that count.
func (s *schemas) check(e *capture.Event) *PlanFault {
	f := s.alone(e)
	for i := 0; f != nil && i < len(s.beside); i++ {
		if b := s.beside[i]; b.mode == Observe || b.alone(e) == nil {
			return nil
		}
	}
	return f
}

func (s *schemas) alone(e *capture.Event) *PlanFault {
	schema := s.events[planned{e.Kind, e.Name}]
	if schema == nil {
		if e.Kind != capture.Track || s.additional {
			return nil
		}
		return &PlanFault{Fault: "the plan has no such event"}
	}
	raw := []byte(e.Properties)
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	properties, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return &PlanFault{Fault: "the properties cannot be read"}
	}
	var invalid *jsonschema.ValidationError
	switch err := schema.Validate(properties); {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		f := first(invalid)
		return &f
	default:
		return &PlanFault{Fault: "the schema cannot be applied"}
	}
}

// first is the first of the faults that have no further cause, by place.
func first(e *jsonschema.ValidationError) PlanFault {
	var all []PlanFault
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			all = append(all, PlanFault{pointer(e.InstanceLocation), wording(e.ErrorKind)})
		}
		for _, cause := range e.Causes {
			walk(cause)
		}
	}
	walk(e)
	return slices.MinFunc(all, func(a, b PlanFault) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Fault, b.Fault)) })
}

func pointer(parts []string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	for _, part := range parts {
		b.WriteString("/" + escape.Replace(part))
	}
	return b.String()
}

// listed names what a schema lists, which is the plan's and not the users'.
func listed(values []any) string {
	const most = 10
	var words []string
	for _, v := range values[:min(most, len(values))] {
		word, err := json.Marshal(v)
		if err != nil || len(word) > 100 {
			word = []byte("…")
		}
		words = append(words, string(word))
	}
	if more := len(values) - most; more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(words, ", ")
}

func wording(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Required:
		return "missing: " + strings.Join(k.Missing, ", ")
	case *kind.Type:
		return "is " + k.Got + ", want " + strings.Join(k.Want, " or ")
	case *kind.AdditionalProperties:
		return "not planned: " + strings.Join(slices.Sorted(slices.Values(k.Properties)), ", ")
	case *kind.Enum:
		return "is not one of " + listed(k.Want)
	case *kind.FalseSchema:
		return "nothing is allowed here"
	}
	return "does not fit " + strings.Join(k.KeywordPath(), "/")
}
