// Package question keeps questions about an app's events under a name, so that a team asks the same one twice.
//
//	Save ──> saved ──Change──> saved (another revision)
//	           └──Remove──> gone
//
// What a question is, is package explore's matter; here it has a name, and who saved it.
//
// reads: nothing
//
// emits: question.saved, question.removed
//
// Guarantees. A question that is saved can be asked: one with a mistake is refused. Of two who change the same one, the second is told.
package question
