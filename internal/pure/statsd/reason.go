package statsd

// Reason says why a line is not used. Fine is the one for a line that is.
type Reason uint8

// The reasons. Their words are what drops are counted by: they are for ever.
const (
	Fine Reason = iota
	Malformed
	Name
	KindUnknown
	ValueWrong
	Negative
	Huge
	RateWrong
	TimeWrong
	Event
	ServiceCheck
	// Reasons is the number of reasons, Fine included.
	Reasons
)

// String is the reason in a word.
func (r Reason) String() string {
	words := [...]string{
		Fine: "", Malformed: "malformed", Name: "name", KindUnknown: "kind", ValueWrong: "value", Negative: "negative", Huge: "huge",
		RateWrong: "rate", TimeWrong: "time", Event: "event", ServiceCheck: "service_check",
	}
	if int(r) >= len(words) {
		return "unknown"
	}
	return words[r]
}
