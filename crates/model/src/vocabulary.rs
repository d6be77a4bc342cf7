//! The closed lists of the contract. Numbers and names are those of the protos; `reform-api` checks that they agree.
//!
//! "Unspecified" is no member: an absent value is `Option::None`.

macro_rules! vocabulary {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident = $number:literal $text:literal,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            #[expect(missing_docs, reason = "the protos say what each value means")]
            pub enum $name { $($variant = $number,)* }

            impl $name {
                /// Every member, by number.
                pub const ALL: &[Self] = &[$(Self::$variant,)*];

                /// The member with that number on the wire; none for 0 and for numbers not in the list.
                pub fn from_number(number: i32) -> Option<Self> {
                    match number { $($number => Some(Self::$variant),)* _ => None }
                }

                /// The number on the wire.
                pub fn number(self) -> i32 {
                    self as i32
                }

                /// The short name, without the enum's prefix.
                pub fn as_str(self) -> &'static str {
                    match self { $(Self::$variant => $text,)* }
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.pad(self.as_str())
                }
            }
        )*
    };
}

vocabulary! {
    /// How a printed number bounds the truth.
    Comparator {
        Exact = 1 "EXACT", Approximate = 2 "APPROXIMATE", AtLeast = 3 "AT_LEAST", MoreThan = 4 "MORE_THAN",
        AtMost = 5 "AT_MOST", LessThan = 6 "LESS_THAN", Between = 7 "BETWEEN",
    }
    /// What became of a rival claim.
    Resolution {
        ClaimRejected = 1 "CLAIM_REJECTED", Unresolved = 2 "UNRESOLVED", BothHold = 3 "BOTH_HOLD",
        Overtaken = 4 "OVERTAKEN",
    }
    /// How a value that no source prints came about.
    How { Inferred = 1 "INFERRED", Computed = 2 "COMPUTED", }
    /// Which of several rival records is used.
    Rank { Preferred = 1 "PREFERRED", Normal = 2 "NORMAL", Deprecated = 3 "DEPRECATED", }
    /// What an institution is.
    InstitutionType {
        Court = 1 "COURT", Chamber = 2 "CHAMBER", Ombudsperson = 3 "OMBUDSPERSON", Council = 4 "COUNCIL",
        Ministry = 5 "MINISTRY", LocalBody = 6 "LOCAL_BODY", Reserve = 7 "RESERVE", Other = 8 "OTHER",
    }
    /// A step in an institution's life.
    LifecycleKind {
        Established = 1 "ESTABLISHED", Abolished = 2 "ABOLISHED", ReEstablished = 3 "RE_ESTABLISHED",
        Renamed = 4 "RENAMED",
    }
    /// What a reform is about.
    Area {
        PoliticalParticipation = 1 "POLITICAL_PARTICIPATION", Elections = 2 "ELECTIONS",
        LocalGovernment = 3 "LOCAL_GOVERNMENT", HumanRights = 4 "HUMAN_RIGHTS", RuleOfLaw = 5 "RULE_OF_LAW",
        Digital = 6 "DIGITAL", Social = 7 "SOCIAL", Economy = 8 "ECONOMY",
    }
    /// The form of a legal act.
    Act {
        ConstitutionalAmendment = 1 "CONSTITUTIONAL_AMENDMENT", ConstitutionalLaw = 2 "CONSTITUTIONAL_LAW",
        Law = 3 "LAW", Code = 4 "CODE", Decree = 5 "DECREE", Plan = 6 "PLAN", Constitution = 7 "CONSTITUTION",
    }
    /// A stage in a reform's life.
    StageKind {
        Announced = 1 "ANNOUNCED", Adopted = 2 "ADOPTED", InForce = 3 "IN_FORCE",
        FirstApplied = 4 "FIRST_APPLIED", Repealed = 5 "REPEALED", Expired = 6 "EXPIRED",
        PassedChamber = 7 "PASSED_CHAMBER",
    }
    /// Whether a stage has happened.
    StageStatus { Planned = 1 "PLANNED", Actual = 2 "ACTUAL", }
    /// Which way a legal parameter moved.
    ChangeDirection { Introduced = 1 "INTRODUCED", Raised = 2 "RAISED", Lowered = 3 "LOWERED", Abolished = 4 "ABOLISHED", }
    /// How a party ended.
    PartyEndKind { Merged = 1 "MERGED", Dissolved = 2 "DISSOLVED", Banned = 3 "BANNED", Unknown = 4 "UNKNOWN", }
    /// The level of an election.
    Level { National = 1 "NATIONAL", Regional = 2 "REGIONAL", Local = 3 "LOCAL", }
    /// Whether an election came on its regular day.
    Timing { Regular = 1 "REGULAR", Early = 2 "EARLY", }
    /// How the seats of a tier are filled.
    System {
        PartyList = 1 "PARTY_LIST", SingleMember = 2 "SINGLE_MEMBER", Indirect = 3 "INDIRECT",
        SingleOffice = 4 "SINGLE_OFFICE",
    }
    /// How votes become seats.
    Formula {
        Dhondt = 1 "DHONDT", SainteLague = 2 "SAINTE_LAGUE", HareLargestRemainder = 3 "HARE_LARGEST_REMAINDER",
        Plurality = 4 "PLURALITY", TwoRound = 5 "TWO_ROUND",
    }
    /// Whether a list exactly at the threshold is in.
    ThresholdRule { AtLeast = 1 "AT_LEAST", MoreThan = 2 "MORE_THAN", }
    /// What a percentage of votes is a percentage of.
    VoteBase {
        Valid = 1 "VALID", Cast = 2 "CAST", ContendersAndAgainstAll = 3 "CONTENDERS_AND_AGAINST_ALL",
        Registered = 4 "REGISTERED",
    }
    /// How final a published figure is.
    Release { Provisional = 1 "PROVISIONAL", Final = 2 "FINAL", Revised = 3 "REVISED", }
    /// What a referendum decided.
    Outcome {
        Approved = 1 "APPROVED", Rejected = 2 "REJECTED", NotValid = 3 "NOT_VALID", Pending = 4 "PENDING",
        Overtaken = 5 "OVERTAKEN",
    }
    /// Where a petition stands.
    PetitionState {
        Collecting = 1 "COLLECTING", ThresholdReached = 2 "THRESHOLD_REACHED", Accepted = 3 "ACCEPTED",
        Refused = 4 "REFUSED", Expired = 5 "EXPIRED", RejectedAtModeration = 6 "REJECTED_AT_MODERATION",
    }
    /// A stage in a petition's life.
    PetitionStageKind {
        Submitted = 1 "SUBMITTED", Published = 2 "PUBLISHED", ThresholdReached = 3 "THRESHOLD_REACHED",
        Sent = 4 "SENT", Answered = 5 "ANSWERED", Closed = 6 "CLOSED", Rejected = 7 "REJECTED",
    }
    /// Which way a variable should go.
    Direction {
        HigherIsBetter = 1 "HIGHER_IS_BETTER", LowerIsBetter = 2 "LOWER_IS_BETTER", Neutral = 3 "NEUTRAL",
    }
    /// What the parts of a period make of the whole.
    Aggregation { Sum = 1 "SUM", Last = 2 "LAST", None = 3 "NONE", }
    /// What span a measured value speaks of.
    Basis { InPeriod = 1 "IN_PERIOD", CumulativeSince = 2 "CUMULATIVE_SINCE", StockAt = 3 "STOCK_AT", }
    /// How an observed value came about.
    Method {
        Counted = 1 "COUNTED", Reported = 2 "REPORTED", Estimated = 3 "ESTIMATED", Derived = 4 "DERIVED",
        Forecast = 5 "FORECAST",
    }
    /// The path from a baseline to a target.
    Path { Linear = 1 "LINEAR", Compound = 2 "COMPOUND", Milestones = 3 "MILESTONES", }
    /// What happened.
    EventType {
        Meeting = 1 "MEETING", Address = 2 "ADDRESS", Congress = 3 "CONGRESS", Unrest = 4 "UNREST",
        Launch = 5 "LAUNCH", Anniversary = 6 "ANNIVERSARY", Succession = 7 "SUCCESSION",
    }
}
