//! Words in context: selects the reading of a word and applies the effects of its clause.

use super::pattern::Pattern;
use super::rule::{Confidence, Rules};
use super::table::Class;
use super::verb::{Tense, Verb};
use super::word::{Choice, Key, Tonal};
use crate::options::Variety;
use crate::words::Tone;

/// The tones of a word in its sentence, and the rules behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decided {
    pub pattern: Pattern,
    pub rules: Rules,
    pub confidence: Confidence,
    pub source: &'static str,
}

/// The class of a word, for the one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// None: a pause, or the start of the text.
    Start,
    Nominal,
    Verbal,
    /// A possessor written as a separate word.
    Possessor,
    /// Anything else.
    Small,
}

fn kind(class: Class) -> Kind {
    match class {
        Class::Verb | Class::Stative | Class::Linked | Class::Auxiliary => Kind::Verbal,
        Class::Possessive | Class::Subject => Kind::Possessor,
        Class::Conjunction | Class::Relative => Kind::Small,
        _ => Kind::Nominal,
    }
}

fn next_kind(next: Option<&Tonal>) -> Kind {
    next.map_or(Kind::Start, |next| {
        next.choices
            .first()
            .map_or(Kind::Nominal, |choice| kind(choice.class))
    })
}

/// State of a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Clause {
    /// Whether it is a relative, time or focus clause.
    linked: bool,
    /// Whether its verb was found.
    verb: bool,
}

impl Clause {
    /// Whether the next verb takes the link tone.
    fn awaits_link(self) -> bool {
        self.linked && !self.verb
    }
}

/// Predicts the tones of one phrase, from pause to pause, in order.
pub(crate) struct Phrase {
    before: Kind,
    key: Key,
    /// The last tone of the previous word.
    tone: Option<Tone>,
    clause: Clause,
    /// Whether the previous word names a letter.
    after_letter: bool,
    /// Whether it is the first word of the text.
    opens_text: bool,
    variety: Variety,
}

impl Phrase {
    /// A phrase that opens its text, or one after a pause.
    pub fn new(opens_text: bool, variety: Variety) -> Self {
        Self {
            variety,
            before: Kind::Start,
            key: Key::Other,
            tone: None,
            clause: Clause::default(),
            after_letter: false,
            opens_text,
        }
    }

    /// The tones of the next word, given the one that follows it; `None` where nothing is known.
    pub fn next(&mut self, word: Option<&Tonal>, next: Option<&Tonal>) -> Option<Decided> {
        let Some(word) = word else {
            self.step(Kind::Nominal, Key::Other, None);
            self.after_letter = false;
            return None;
        };
        // Initials are spelled as words that may be ambiguous: sii, dii.
        let spelled =
            word.is_letter && (self.after_letter || next.is_some_and(|next| next.is_letter));
        self.after_letter = word.is_letter;
        let chosen = self.choose(word, next).filter(|_| !spelled);
        let kind = match (word.key, chosen) {
            (Key::Na | Key::Se | Key::A | Key::Opens | Key::Nea, _) => Kind::Small,
            (_, Some(choice)) => kind(choice.class),
            _ => Kind::Nominal,
        };
        // A row without marks gives the class of a word, not its tones.
        let known = chosen.filter(|choice| !choice.pattern.is_bare());
        let mut decided = known.map(|choice| self.adapt(choice, word));
        if let Some(pattern) = word.written {
            decided = Some(Decided {
                pattern,
                rules: Rules::WRITTEN,
                confidence: Confidence::Sure,
                source: "written",
            });
        }
        let tone = decided.and_then(|decided| decided.pattern.last());
        self.open_clause(word.key, kind);
        self.step(kind, word.key, tone);
        decided
    }

    fn step(&mut self, kind: Kind, key: Key, tone: Option<Tone>) {
        (self.before, self.key, self.tone) = (kind, key, tone);
    }

    /// Clauses that a word opens or ends.
    fn open_clause(&mut self, key: Key, kind: Kind) {
        let linked = match key {
            Key::A | Key::Nea => true,
            // After a noun it marks focus, else it links to the next clause.
            Key::Na => self.before == Kind::Nominal && !self.clause.verb,
            Key::Se | Key::Opens => false,
            _ => {
                self.clause.verb |= kind == Kind::Verbal;
                return;
            }
        };
        self.clause = Clause {
            linked,
            verb: false,
        };
    }

    /// The reading of a word that its neighbors require; `None` if it has none.
    fn choose<'w>(&self, word: &'w Tonal, next: Option<&Tonal>) -> Option<&'w Choice> {
        let first = word.choices.first()?;
        if word.choices.len() == 1 {
            // "so" at the start of a clause asks a question and is not a postposition.
            let stands_first = first.class == Class::Postposition && self.before == Kind::Start;
            return Some(first).filter(|_| !stands_first || first.pattern.len() > 1);
        }
        let of = |class: Class| word.choices.iter().find(|choice| choice.class == class);
        let wanted = match word.key {
            Key::No | Key::Bi => {
                let ends_clause = self.clause.linked && next.is_none();
                let object = match word.key {
                    Key::No => !ends_clause,
                    _ => next_kind(next) != Kind::Nominal,
                };
                if self.before == Kind::Verbal && object {
                    Class::Object
                } else {
                    Class::Determiner
                }
            }
            Key::Na if self.key == Key::Na => Class::Auxiliary,
            Key::Na | Key::Se => Class::Conjunction,
            Key::Ne => {
                let goes_on = self.before == Kind::Start && !self.opens_text;
                if goes_on || matches!(self.before, Kind::Nominal | Kind::Possessor) {
                    Class::Conjunction
                } else {
                    Class::Possessive
                }
            }
            Key::Wo => {
                let is_verb = |next: &Tonal| {
                    !next.choices.is_empty()
                        && next.choices.iter().all(|choice| choice.class.is_verb())
                };
                if self.before != Kind::Verbal && next.is_some_and(is_verb) {
                    Class::Subject
                } else {
                    Class::Possessive
                }
            }
            _ => return Some(self.verb_or_noun(word, next).unwrap_or(first)),
        };
        of(wanted).or(Some(first))
    }

    /// The reading of a word that can be a verb or something else, where its neighbors determine it.
    fn verb_or_noun<'w>(&self, word: &'w Tonal, next: Option<&Tonal>) -> Option<&'w Choice> {
        let find =
            |wanted: fn(Class) -> bool| word.choices.iter().find(|choice| wanted(choice.class));
        if let Some(linked) =
            find(|class| class == Class::Linked).filter(|_| self.clause.awaits_link())
        {
            return Some(linked);
        }
        let verb = find(|class| class.is_verb() && class != Class::Linked);
        let other = find(|class| !class.is_verb());
        let determined = next.is_some_and(|next| matches!(next.key, Key::No | Key::Bi));
        let noun = find(|class| class == Class::Noun).or(other);
        if self.before == Kind::Possessor {
            // Of a noun that only its prefix makes one, nothing else is known (me nte, me akɔ).
            let is_bare = |noun: &&Choice| noun.rules == Rules::PREFIX;
            let inflected = verb.filter(|verb| {
                verb.verb
                    .is_some_and(|verb| verb.tense != Tense::Habitual && verb.tense != Tense::Past)
            });
            let noun = find(|class| class == Class::Noun);
            return inflected
                .filter(|_| noun.as_ref().is_some_and(is_bare))
                .or(noun)
                .or(verb);
        }
        if determined && self.before != Kind::Nominal {
            return noun;
        }
        let verb = verb
            .filter(|_| matches!(self.before, Kind::Nominal | Kind::Start) && !self.clause.verb);
        // An adjective follows its noun.
        let is_adjective = word
            .choices
            .first()
            .is_some_and(|first| first.class == Class::Adjective);
        verb.or(noun.filter(|_| is_adjective && self.before != Kind::Nominal))
    }

    /// Applies the effects of the clause to a reading.
    fn adapt(&self, choice: &Choice, word: &Tonal) -> Decided {
        let mut decided = Decided {
            pattern: choice.pattern,
            rules: choice.rules,
            confidence: choice.confidence,
            source: choice.source,
        };
        if word.choices.len() > 1 {
            decided.rules = decided.rules.with(Rules::CONTEXT);
        }
        if self.before == Kind::Possessor && choice.class == Class::Noun && word.is_common {
            possess(&mut decided);
        }
        if choice.class == Class::Object {
            decided.rules = decided.rules.with(Rules::OBJECT);
        }
        if let Some(verb) = choice.verb.filter(|_| choice.class != Class::Linked) {
            self.adapt_verb(verb, &mut decided);
        }
        decided
    }

    /// Applies the effects of the clause to a verb (rules 9, 11, 15 and 1b).
    fn adapt_verb(&self, verb: Verb, decided: &mut Decided) {
        let (start, end) = (usize::from(verb.stem.0), usize::from(verb.stem.1));
        // In Akuapem the high tone of a linked clause falls on the subject prefix too (rule 15).
        let linked_subject =
            verb.has_subject && verb.prefix == 1 && self.variety == Variety::Akuapem;
        let mut change = |rules: Rules| {
            decided.rules = decided.rules.with(rules);
            decided.confidence = decided.confidence.min(Confidence::Likely);
        };
        match verb.tense {
            Tense::Perfect if !verb.has_subject => {
                if self.clause.verb {
                    change(Rules::CONSECUTIVE);
                    decided.pattern.set(0, Tone::High);
                    if verb.short {
                        decided.pattern.fill(start, end, Tone::Low);
                    }
                } else if self.tone == Some(Tone::High) {
                    change(Rules::SPREAD);
                    decided.pattern.set(0, Tone::High);
                }
            }
            Tense::Habitual if self.before == Kind::Start && !verb.has_subject => {
                change(Rules::IMPERATIVE);
                decided.pattern.fill(start, end, Tone::Low);
            }
            Tense::Habitual | Tense::Stative if self.clause.awaits_link() => {
                change(Rules::LINK);
                decided.pattern.fill(start, end, Tone::High);
                if linked_subject {
                    decided.pattern.set(0, Tone::High);
                }
            }
            Tense::Past if self.clause.awaits_link() => {
                change(Rules::LINK);
                if verb.short {
                    decided.pattern.set(start, Tone::High);
                } else {
                    decided.pattern.fill(start, end, Tone::High);
                }
                if linked_subject {
                    decided.pattern.set(0, Tone::High);
                }
            }
            Tense::Progressive if self.clause.awaits_link() => {
                change(Rules::LINK);
                decided
                    .pattern
                    .fill(usize::from(verb.prefix), end, Tone::High);
            }
            _ => {}
        }
    }
}

/// Rule 20e: after a possessor the first low tone of a longer stem is high, and the high one after it steps down.
fn possess(decided: &mut Decided) {
    let pattern = &mut decided.pattern;
    let high = (1..pattern.len()).find(|&at| pattern.get(at) == Some(Tone::High));
    let (Some(Tone::Low), Some(high)) = (pattern.get(0), high) else {
        return;
    };
    pattern.set(0, Tone::High);
    pattern.set(high, Tone::Mid);
    decided.rules = decided.rules.with(Rules::POSSESSIVE);
    decided.confidence = decided.confidence.min(Confidence::Likely);
}

impl Decided {
    /// Whether the tones come from written marks.
    pub fn is_written(&self) -> bool {
        self.rules.has(Rules::WRITTEN)
    }
}
