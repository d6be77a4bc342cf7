//! `reform simulate`: votes turned into seats, under an election's own rules or others.

use std::process::ExitCode;

use clap::Args;
use reform_api::analytics::v1::simulate_election_request::Election;
use reform_api::analytics::v1::{
    ElectionRules, InlineContender, InlineElection, SeatAllocation, SimulateElectionRequest,
    SimulateElectionResponse, Tie,
};
use reform_api::json;

use crate::args::{Global, Output};
use crate::client::Service;
use crate::commands::get::full_name;
use crate::commands::query::parse_pair;
use crate::failure::Failure;
use crate::{figure, out};

/// Turn votes into seats, under an election's own rules or others
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform simulate kz-election-mazhilis-2021 --threshold 5
  reform simulate kz-election-mazhilis-2023 --threshold 7 --formula sainte-lague
  reform simulate --votes a=41000 b=29000 c=17000 d=13000 --seats 6 --formula d-hondt

Formulas: d-hondt, sainte-lague, modified-sainte-lague, danish, imperiali-divisor, lr-hare, lr-droop,
lr-hagenbach-bischoff, lr-imperiali")]
pub(crate) struct Simulate {
    /// Name of an election record; records/ may be left out
    #[arg(required_unless_present = "votes", conflicts_with = "votes", value_name = "ELECTION")]
    election: Option<String>,
    /// Tier of the election: its number from 0 or its system; absent is its only list tier
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "TIER",
        conflicts_with = "votes"
    )]
    tier: String,
    /// Lists and their votes, in place of an election
    #[arg(long, num_args = 1.., value_name = "LIST=VOTES", value_parser = parse_votes, requires = "formula")]
    votes: Vec<(String, i64)>,
    /// Votes that the threshold is a share of; absent is the sum of the lists' votes
    #[arg(long, value_name = "VOTES", requires = "votes")]
    base: Option<i64>,
    /// List that the threshold does not apply to; may be repeated
    #[arg(long, value_name = "LIST", requires = "votes")]
    exempt: Vec<String>,
    /// Threshold of one list in percent; may be repeated
    #[arg(long, value_name = "LIST=PERCENT", requires = "votes", value_parser = parse_pair)]
    own_threshold: Vec<(String, String)>,
    /// Formula; absent is that of the election
    #[arg(long, value_name = "FORMULA")]
    formula: Option<String>,
    /// Threshold in percent; absent is that of the election
    #[arg(long, value_name = "PERCENT")]
    threshold: Option<String>,
    /// Only a share above the threshold enters
    #[arg(long)]
    exclusive: bool,
    /// A share equal to the threshold enters
    #[arg(long, conflicts_with = "exclusive")]
    inclusive: bool,
    /// Seats to fill; absent is the number of the election
    #[arg(long)]
    seats: Option<i32>,
    /// Lists that enter at the least, even below the threshold
    #[arg(long, value_name = "LISTS")]
    minimum_lists: Option<i32>,
}

fn parse_votes(text: &str) -> Result<(String, i64), String> {
    let (id, votes) = parse_pair(text)?;
    let votes = votes.replace([',', '_'], "").parse().map_err(|_| "write LIST=VOTES".to_owned())?;
    Ok((id, votes))
}

pub(crate) async fn run(global: &Global, simulate: Simulate) -> Result<ExitCode, Failure> {
    let request = simulate.request().map_err(Failure::Usage)?;
    let peer = global.connect(Service::Analytics).await?;
    let answer = peer.analytics().simulate_election(request).await;
    let answer = answer.map_err(|status| peer.failed(status))?;
    match global.output {
        Output::Json => out::say(&json::line("reform.analytics.v1.SimulateElectionResponse", &answer)?)?,
        Output::Csv => out::csv(&HEADER, answer.allocations.iter().map(csv_row))?,
        Output::Table => table(&answer)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Simulate {
    fn request(self) -> Result<SimulateElectionRequest, String> {
        let rules = ElectionRules {
            formula: self.formula.as_deref().map(contract_name).unwrap_or_default(),
            threshold_percent: self.threshold.clone(),
            threshold_exclusive: (self.exclusive || self.inclusive).then_some(self.exclusive),
            seats: self.seats,
            minimum_lists: self.minimum_lists,
        };
        let tier = contract_name(&self.tier);
        let election = match &self.election {
            Some(name) => Election::Stored(full_name("records", name)),
            None => Election::Inline(self.inline()?),
        };
        Ok(SimulateElectionRequest { election: Some(election), tier, rules: Some(rules) })
    }

    fn inline(self) -> Result<InlineElection, String> {
        let contender = |(id, votes)| InlineContender { id, votes, ..InlineContender::default() };
        let mut contenders: Vec<InlineContender> = self.votes.into_iter().map(contender).collect();
        let mut of = |id: &str, change: &dyn Fn(&mut InlineContender)| {
            let found = contenders.iter_mut().find(|contender| contender.id == id);
            found.map(change).ok_or_else(|| format!("{id}: there is no such list among --votes"))
        };
        for id in &self.exempt {
            of(id, &|contender| contender.exempt = true)?;
        }
        for (id, percent) in &self.own_threshold {
            of(id, &|contender| contender.threshold_percent = Some(percent.clone()))?;
        }
        // The seats are among the rules.
        Ok(InlineElection { seats: 0, contenders, threshold_base_votes: self.base })
    }
}

/// `lr-hare` as the contract has it: `LR_HARE`.
fn contract_name(text: &str) -> String {
    text.to_uppercase().replace('-', "_")
}

const HEADER: [&str; 6] = ["list", "votes", "share", "takes part", "seats", "actual seats"];
const INDEX_HEADER: [&str; 3] = ["index", "simulated", "actual"];

fn table(answer: &SimulateElectionResponse) -> Result<(), Failure> {
    let SimulateElectionResponse { allocations, ties, indices, actual_indices, revision } = answer;
    // Votes that were given have no actual result.
    let given = actual_indices.is_empty();
    let kept = |columns: usize| if given { columns - 1 } else { columns };
    let rows = allocations.iter().map(|allocation| row(allocation).into_iter().take(kept(HEADER.len())));
    out::say(&out::table(&HEADER[..kept(HEADER.len())], rows))?;
    for Tie { ids, seats, rule } in ties {
        out::say(&format!("\ntied, given to nobody: {seats} between {} ({rule})", ids.join(", ")))?;
    }
    let mut ids: Vec<&String> = indices.keys().chain(actual_indices.keys()).collect();
    ids.sort();
    ids.dedup();
    let shown = |estimate: Option<&_>| estimate.map(figure::shown).unwrap_or_default();
    let row = |id: &String| [id.clone(), shown(indices.get(id)), shown(actual_indices.get(id))];
    let rows = ids.into_iter().map(|id| row(id).into_iter().take(kept(INDEX_HEADER.len())));
    out::say("")?;
    out::say(&out::table(&INDEX_HEADER[..kept(INDEX_HEADER.len())], rows))?;
    out::say(&format!("\nrevision {revision}"))?;
    Ok(())
}

fn row(allocation: &SeatAllocation) -> [String; 6] {
    let share = figure::percent(&allocation.vote_share);
    let takes_part = if allocation.above_threshold { "yes" } else { "no" };
    let votes = figure::grouped(&allocation.votes.to_string());
    [
        allocation.id.clone(),
        votes,
        share,
        takes_part.to_owned(),
        allocation.seats.to_string(),
        actual(allocation),
    ]
}

fn csv_row(allocation: &SeatAllocation) -> [String; 6] {
    [
        allocation.id.clone(),
        allocation.votes.to_string(),
        allocation.vote_share.clone(),
        allocation.above_threshold.to_string(),
        allocation.seats.to_string(),
        actual(allocation),
    ]
}

fn actual(allocation: &SeatAllocation) -> String {
    allocation.actual_seats.map(|seats| seats.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command};

    fn request(text: &str) -> Result<SimulateElectionRequest, String> {
        let Command::Simulate(simulate) = Args::try_parse_from(text.split_whitespace()).unwrap().command
        else {
            panic!("another command");
        };
        simulate.request()
    }

    #[test]
    fn every_flag_reaches_the_request() {
        let stored = request(
            "reform simulate e --tier party-list --formula lr-hare --threshold 7 --inclusive --seats 9 --minimum-lists 2",
        );
        let stored = stored.unwrap();
        assert_eq!(stored.election, Some(Election::Stored("records/e".to_owned())));
        assert_eq!(stored.tier, "PARTY_LIST");
        let rules = stored.rules.unwrap();
        assert_eq!((rules.formula.as_str(), rules.threshold_percent.as_deref()), ("LR_HARE", Some("7")));
        assert_eq!(
            (rules.threshold_exclusive, rules.seats, rules.minimum_lists),
            (Some(false), Some(9), Some(2))
        );
        let inline = request(
            "reform simulate --formula danish --seats 3 --votes a=1,000 b=20 --base 2000 --exempt b --own-threshold a=8",
        );
        let Some(Election::Inline(inline)) = inline.unwrap().election else { panic!("stored") };
        assert_eq!((inline.contenders[0].votes, inline.threshold_base_votes), (1000, Some(2000)));
        assert_eq!(inline.contenders[0].threshold_percent.as_deref(), Some("8"));
        assert!(inline.contenders[1].exempt && !inline.contenders[0].exempt);
    }

    #[test]
    fn an_unknown_list_and_a_missing_election_are_wrong() {
        assert!(request("reform simulate --votes a=1 --seats 1 --formula danish --exempt b").is_err());
        for text in [
            "reform simulate",
            "reform simulate e --votes a=1",
            "reform simulate --votes a=x --formula danish",
        ] {
            assert!(Args::try_parse_from(text.split_whitespace()).is_err(), "{text}");
        }
    }
}
