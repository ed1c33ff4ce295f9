// Package expose records what visitors were shown by the decisions of this server: which value of which flag, once per visitor, flag, value and day.
//
//	Record ──told today?──> queue ──batch──> the door for events ──> the log
//	           └─ yes: nothing   └─ full: dropped, and counted
//
// It is for whoever decides flags on behalf of visitors: the doors of waffle and RateLim.it, and those of other clients. What clients decide for themselves they tell as events, which meet these in the log: an exposure has one id,
// whoever tells it (capture.Shown).
//
// Flag is the flag's name and Value its value; of an experiment within a flag, they are the experiment's key and the variation's, as GrowthBook's clients tell them.
//
// Guarantees. Record never waits. What was told is remembered in bounded memory, so that most repeats cost a lookup; one that was forgotten is dropped by the index of ids. What is queued at the end is written before Run returns. What the log does
// not take is counted as dropped, and is recorded with the visitor's next question.
package expose
