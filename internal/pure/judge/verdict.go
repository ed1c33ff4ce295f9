package judge

// Outcome is one of three words.
type Outcome string

const (
	// Regressed: harm beyond the margin is shown at level Alpha. It stays once reached.
	Regressed Outcome = "regressed"
	// Healthy: for every vital the harm that the user named is excluded.
	Healthy Outcome = "healthy"
	// Unknown: neither; Needed says what is missing.
	Unknown Outcome = "unknown"
	// WrongSplit: the releases do not get the traffic that they were meant to, and what was counted cannot be compared.
	WrongSplit Outcome = "wrong_split"
	// Also is no verdict but what a reason may be about: this vital is worse, too, where others decided.
	Also Outcome = "also"
)

// Verdict is what the evidence says now, with its reasons. It is a pure function of Policy and State.
type Verdict struct {
	Outcome Outcome `json:"outcome"`
	// Reasons: the vitals that decided (regressed), all vitals (healthy), or those that are missing something (unknown).
	Reasons []Reason `json:"reasons"`
	// Vitals are in the order of Policy.Vitals.
	Vitals []VitalEvidence `json:"vitals"`
	// Split is what is known of the split itself; nil where it is not looked at.
	Split *SplitEvidence `json:"split,omitempty"`
}

// SplitEvidence is the check of the split in numbers.
type SplitEvidence struct {
	Wrong bool `json:"wrong"`
	// Share is the new release's part of all requests, Intended what it was meant to be.
	Share    float64 `json:"share"`
	Intended float64 `json:"intended"`
	// EValue and Threshold are log10.
	EValue    float64 `json:"e_value"`
	Threshold float64 `json:"threshold"`
}

// Reason is one sentence of plain English with its numbers.
type Reason struct {
	Vital string  `json:"vital"`
	About Outcome `json:"about"` // what this vital alone says
	Text  string  `json:"text"`
}

// VitalEvidence is one vital in numbers. Every number is finite.
type VitalEvidence struct {
	Name    string  `json:"name"`
	Label   string  `json:"label"`
	Outcome Outcome `json:"outcome"` // what this vital alone says
	// EValue and Threshold are log10: a rollout of a release that changes nothing passes Threshold at most in Alpha·Weight of all
	// cases. Peak is the largest EValue so far and decides.
	EValue    float64 `json:"e_value"`
	Peak      float64 `json:"peak"`
	Threshold float64 `json:"threshold"`
	// Excluded and ExcludeThreshold are the same for "harm of RuleOut or more". Excluded is kept to at most 1,000 times its threshold.
	Excluded         float64 `json:"excluded"`
	ExcludeThreshold float64 `json:"exclude_threshold"`
	RuleOut          float64 `json:"rule_out"`
	// The new release's rate over the old one's, and its confidence sequence at ExcludeAlpha a side. 0 means not known yet.
	RatioEstimate float64 `json:"ratio_estimate"`
	RatioLow      float64 `json:"ratio_low"`
	RatioHigh     float64 `json:"ratio_high"`
	Count
	// Events per request at risk, 0 without requests. Of a mean of hosts they are what the two sides measure (geometric means), and those at risk the hosts. Of how often
	// visitors err they are the errors of each, and those at risk the visitors.
	RateNew float64 `json:"rate_new"`
	RateOld float64 `json:"rate_old"`
	// Expected events on the new release had it the old one's rate; 0 when not known.
	Expected float64 `json:"expected"`
	Needed   Needed  `json:"needed"`
	// ToDetect is the forecast, while unknown, of what a harm of RuleOut that begins now would take to be called regressed.
	ToDetect Needed `json:"to_detect"`
	// Suspect is a host of the new release that alone makes it look bad, empty for none.
	Suspect string `json:"suspect,omitempty"`
	Text    string `json:"text"`
}

// Needed is a forecast of what is missing until RuleOut is excluded, both releases together, at the present rates and share, if
// the release changes nothing. Both are 0 when done; Requests is 0 with Events above 0 when no rate is known yet.
type Needed struct {
	Events   int64 `json:"events"`
	Requests int64 `json:"requests"`
}
