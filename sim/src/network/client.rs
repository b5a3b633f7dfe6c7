//! A client: a host of its own, with a connection or several.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, split};
use tokio::sync::{Notify, mpsc};

use super::ground::Dial;
use super::scene::Stage;
use crate::irc;
use crate::label;
use crate::plan::Plan;
use crate::trace::Did;

/// What a client is to do next.
#[derive(Clone, Debug)]
pub(super) enum Order {
    /// To open a connection, and to go on with it. The one before stays open.
    Connect,
    /// To write lines, each with its end.
    Say(String),
    /// To answer what it has not answered.
    Answer,
    /// To write nothing more.
    Finish,
    /// To close all connections.
    Close,
}

/// How a client's newest connection fares.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum State {
    #[default]
    Closed,
    Open,
    /// Its last login was answered with a welcome.
    LoggedIn,
}

/// A client, as seen from outside.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) index: usize,
    pub(super) speaks_irc: bool,
    /// Whether it puts labels on some of its commands.
    pub(super) labels: bool,
    pub(super) stage: Stage,
    orders: Rc<RefCell<VecDeque<Order>>>,
    ready: Rc<Notify>,
    state: Rc<RefCell<State>>,
    /// What it was asked, and has not answered.
    unanswered: Rc<RefCell<Option<String>>>,
    /// The last messages that were read, by their numbers.
    pub(super) read: Rc<RefCell<Vec<u32>>>,
}

impl Client {
    pub(super) fn new(index: usize, plan: &Plan, stage: &Stage) -> Self {
        Self {
            index,
            speaks_irc: plan.speaks_irc(index),
            labels: plan.labels(index),
            unanswered: Rc::default(),
            stage: stage.clone(),
            orders: Rc::default(),
            ready: Rc::default(),
            state: Rc::default(),
            read: Rc::default(),
        }
    }

    pub(super) fn order(&self, order: Order) {
        self.orders.borrow_mut().push_back(order);
        self.ready.notify_one();
    }

    /// Opens a connection.
    pub(super) fn connect(&self) {
        self.order(Order::Connect);
        if self.labels {
            self.order(Order::Say(label::BEGIN.to_owned()));
        }
    }

    pub(super) fn state(&self) -> State {
        *self.state.borrow()
    }

    /// The host, or its program, has died.
    pub(super) fn died(&self) {
        self.orders.borrow_mut().clear();
        self.unanswered.borrow_mut().take();
        *self.state.borrow_mut() = State::Closed;
    }

    /// The program of the client's host.
    pub(super) async fn run(self, dial: Dial) -> turmoil::Result {
        let mut lines: Vec<mpsc::UnboundedSender<String>> = Vec::new();
        let mut tasks = tokio::task::JoinSet::new();
        loop {
            let order = self.orders.borrow_mut().pop_front();
            match order {
                None => self.ready.notified().await,
                Some(Order::Connect) => {
                    let (sender, receiver) = mpsc::unbounded_channel();
                    lines.push(sender);
                    *self.state.borrow_mut() = State::Open;
                    tasks.spawn_local(self.clone().link(lines.len(), dial.clone(), receiver));
                }
                Some(Order::Say(line)) => {
                    if let Some(lines) = lines.last() {
                        let _ = lines.send(line);
                    }
                }
                Some(Order::Answer) => {
                    let token = self.unanswered.borrow_mut().take();
                    if let Some((token, lines)) = token.zip(lines.last()) {
                        let _ = lines.send(pong(&token));
                    }
                }
                Some(Order::Finish) => {
                    lines.pop();
                }
                Some(Order::Close) => {
                    lines.clear();
                    tasks.shutdown().await;
                    *self.state.borrow_mut() = State::Closed;
                }
            }
        }
    }

    /// One connection, until its end.
    async fn link(self, number: usize, dial: Dial, lines: mpsc::UnboundedReceiver<String>) {
        let end = self.talk(dial, lines).await.err();
        let end = end.map_or_else(|| "closed".to_owned(), |error| error.to_string());
        let mut scene = self.stage.lock();
        scene.note_client(self.index, None, || Did::Ended(format!("{number}: {end}")));
        drop(scene);
        // Of an older one nobody asks.
        *self.state.borrow_mut() = State::Closed;
    }

    async fn talk(
        &self,
        dial: Dial,
        mut lines: mpsc::UnboundedReceiver<String>,
    ) -> std::io::Result<()> {
        let index = self.index;
        // Told ahead of what it leads to: the server may accept before this end knows it.
        self.stage
            .lock()
            .note_client(index, None, || Did::Connected);
        let (stream, address) = dial.connect(index, self.speaks_irc).await?;
        let (read, mut write) = split(stream);
        let mut read = BufReader::new(read);
        let mut heard = Vec::new();
        let mut finished = false;
        loop {
            tokio::select! {
                biased;
                line = lines.recv(), if !finished => if let Some(line) = line {
                    self.stage.said(index, address, &line);
                    write.write_all(line.as_bytes()).await?;
                } else {
                    finished = true;
                    write.shutdown().await?;
                },
                read = read.read_until(b'\n', &mut heard) => {
                    read?;
                    // A line that was cut off says nothing.
                    let Some(line) = heard.strip_suffix(b"\n") else {
                        return Ok(());
                    };
                    let line = str::from_utf8(line).expect("the server writes UTF-8");
                    let line = line.strip_suffix('\r').unwrap_or(line);
                    let conn = self.stage.conn(address);
                    self.stage.lock().heard(index, conn, line);
                    if let Some(answer) = self.answer(line).filter(|_| !finished) {
                        self.stage.said(index, address, &answer);
                        write.write_all(answer.as_bytes()).await?;
                    }
                    heard.clear();
                }
            }
        }
    }

    /// Takes in a line, and says what is to be answered, if anything is.
    fn answer(&self, line: &str) -> Option<String> {
        let is_welcome = if self.speaks_irc {
            irc::is_welcome(line)
        } else {
            line.starts_with("* welcome ") || line.starts_with("* back ")
        };
        if is_welcome {
            *self.state.borrow_mut() = State::LoggedIn;
        }
        let number = super::stream::number(line, self.speaks_irc);
        self.read.borrow_mut().extend(number);
        if !self.speaks_irc {
            return (line == "* ping").then(|| "/pong\n".to_owned());
        }
        let token = irc::question(line)?;
        if irc::mark(line).is_some() && self.stage.lock().withholds(self.index) {
            *self.unanswered.borrow_mut() = Some(token.to_owned());
            return None;
        }
        Some(pong(token))
    }
}

fn pong(token: &str) -> String {
    format!("PONG :{token}\r\n")
}
