//! The drop box and the verbs for scripts and servers, through the program and through the library.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
pub mod harness;

mod both_sides;
mod codes;
mod examples;
mod hook;
mod library;
mod load;
mod many;
mod names;
mod recipes;
mod second_factor;
mod shells;
mod told;
