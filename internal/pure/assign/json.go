package assign

import (
	"encoding/json"

	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// resultJSON is a result in GrowthBook's form.
type resultJSON struct {
	Value            Value           `json:"value"`
	On               bool            `json:"on"`
	Off              bool            `json:"off"`
	Source           string          `json:"source"`
	RuleID           string          `json:"ruleId"`
	Experiment       json.RawMessage `json:"experiment,omitempty"`
	ExperimentResult *Assignment     `json:"experimentResult,omitempty"`
}

// MarshalJSON writes the result as GrowthBook's clients do.
func (r Result) MarshalJSON() ([]byte, error) {
	out := resultJSON{Value: r.Value, On: r.On, Off: !r.On, Source: r.Source.String(), RuleID: r.Rule}
	if r.Assignment.Experiment != nil {
		var err error
		if out.Experiment, err = r.Assignment.Definition(); err != nil {
			return nil, err
		}
		out.ExperimentResult = &r.Assignment
	}
	return json.Marshal(out)
}

// assignmentJSON is an assignment in GrowthBook's form, an experimentResult.
type assignmentJSON struct {
	FeatureID        string    `json:"featureId"`
	InExperiment     bool      `json:"inExperiment"`
	HashUsed         bool      `json:"hashUsed"`
	VariationID      int       `json:"variationId"`
	Value            Value     `json:"value"`
	HashAttribute    string    `json:"hashAttribute"`
	HashValue        string    `json:"hashValue"`
	Key              string    `json:"key"`
	Bucket           *float64  `json:"bucket,omitempty"`
	Name             string    `json:"name,omitempty"`
	Passthrough      bool      `json:"passthrough,omitempty"`
	StickyBucketUsed bool      `json:"stickyBucketUsed"`
	LeafID           *int      `json:"leafId,omitempty"`
	VariationWeights []float64 `json:"variationWeights,omitempty"`
	BanditVersion    *int      `json:"banditVersion,omitempty"`
}

// MarshalJSON writes the assignment as GrowthBook's clients do.
func (a Assignment) MarshalJSON() ([]byte, error) {
	out := assignmentJSON{
		FeatureID: a.Flag, InExperiment: a.In, HashUsed: a.Placed, VariationID: a.Variation, Value: a.Value(), HashAttribute: a.HashAttribute, HashValue: a.HashValue,
		Key: a.Key(), Name: a.Name(), Passthrough: a.Passthrough(), StickyBucketUsed: a.Kept,
	}
	if a.Placed {
		out.Bucket = &a.Bucket
	}
	if leaf := a.Leaf(); leaf != nil {
		out.LeafID, out.VariationWeights, out.BanditVersion = &leaf.ID, leaf.Weights, leaf.Version
	}
	return json.Marshal(out)
}

// Definition is the experiment as it was for this visitor, in GrowthBook's form: what those who record exposures want beside the assignment.
func (a *Assignment) Definition() (json.RawMessage, error) {
	e := a.Experiment
	fields := map[string]json.RawMessage{}
	r := span.New(e.raw)
	err := r.Object(func(key string) error {
		raw, err := r.Skip()
		if defines(key) && raw != "null" {
			fields[key] = json.RawMessage(raw)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	set := func(key string, v any) {
		var raw json.RawMessage
		if raw, err = json.Marshal(v); err == nil {
			fields[key] = raw
		}
	}
	set("key", e.Key)
	set("variations", e.Variations)
	if a.leaf != nil && a.leaf != e.aside {
		set("weights", a.leaf.Weights)
	}
	if leaf := a.Leaf(); leaf != nil {
		set("contextualBandit", struct {
			LeafID  int       `json:"leafId"`
			Weights []float64 `json:"variationWeights"`
			Version *int      `json:"banditVersion,omitempty"`
		}{leaf.ID, leaf.Weights, leaf.Version})
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}

// defines tells whether a field of a rule belongs to its experiment.
func defines(key string) bool {
	switch key {
	case "coverage", "weights", "hashAttribute", "fallbackAttribute", "namespace", "meta", "ranges", "name", "phase", "seed", "hashVersion", "filters", "condition",
		"disableStickyBucketing", "bucketVersion", "minBucketVersion":
		return true
	}
	return false
}
