"use strict";
// The page: pictures from files, the clipboard or the camera, and the classes of each.

const SHOWN = 5, MOST_RESULTS = 50, PREVIEW = 480;
const facts = JSON.parse(document.getElementById("network").textContent);
const [, channels, height, width] = facts.input;
const network = makeNetwork(facts);
const element = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(2)} %`;

// Shows a problem, or hides the last one.
function alertUser(text = "") {
  element("alert").textContent = text;
  element("alert").hidden = !text;
}

// The classes of a drawable picture: their probabilities, the pixels of the network, and the duration.
function classify(source, sourceWidth, sourceHeight) {
  const began = performance.now();
  const bands = bandsOf(source, sourceWidth, sourceHeight);
  const pixels = fitted(bands, sourceWidth, sourceHeight, channels, width, height);
  const logits = network(networkInput(pixels));
  return { logits, odds: softmax(logits), pixels, ms: performance.now() - began };
}

function ranked(odds) {
  return odds.map((share, index) => ({ name: facts.classes[index], share })).sort((a, b) => b.share - a.share);
}

function fillClasses(list, classes) {
  list.replaceChildren(...classes.map(({ name, share }) => {
    const row = document.createElement("li");
    row.style.setProperty("--share", `${(100 * share).toFixed(2)}%`);
    for (const text of [name, percent(share)]) row.appendChild(document.createElement("span")).textContent = text;
    return row;
  }));
}

// What the network sees, in a canvas.
function paintInput(canvas, { data }) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    for (let colour = 0; colour < 3; colour++) image.data[4 * at + colour] = data[at * channels + (colour % channels)];
    image.data[4 * at + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// A small copy of the picture, in another canvas.
function paintPicture(canvas, source, sourceWidth, sourceHeight) {
  const scale = Math.min(1, PREVIEW / Math.max(sourceWidth, sourceHeight));
  canvas.width = Math.max(1, Math.round(sourceWidth * scale));
  canvas.height = Math.max(1, Math.round(sourceHeight * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
}

function showResult(name, picture) {
  const result = classify(picture, picture.width, picture.height);
  const card = element("result").content.cloneNode(true).firstElementChild;
  const classes = ranked(result.odds);
  const find = (selector) => card.querySelector(selector);
  find(".name").textContent = `${name} · ${result.ms.toFixed(0)} ms`;
  find(".best").textContent = classes[0].name;
  find(".input .fine").textContent = `What the network sees: ${width} x ${height} pixels`;
  find(".picture").setAttribute("aria-label", name);
  paintPicture(find(".picture"), picture, picture.width, picture.height);
  paintInput(find(".input canvas"), result.pixels);
  fillClasses(find(".classes"), classes.slice(0, SHOWN));
  const more = find(".more");
  more.hidden = classes.length <= SHOWN;
  const toggle = (isOpen) => {
    more.setAttribute("aria-expanded", String(isOpen));
    more.textContent = isOpen ? "Show fewer classes" : `Show all ${classes.length} classes`;
    fillClasses(find(".classes"), isOpen ? classes : classes.slice(0, SHOWN));
  };
  toggle(false);
  more.addEventListener("click", () => toggle(more.getAttribute("aria-expanded") === "false"));
  element("results").prepend(card);
  while (element("results").children.length > MOST_RESULTS) element("results").lastElementChild.remove();
  element("status").textContent = `${name}: ${classes[0].name}, ${percent(classes[0].share)}`;
}

// The pixels of a file, upright and without colour management, as in training; null if it is no picture.
async function decoded(file) {
  const options = { imageOrientation: "from-image", colorSpaceConversion: "none" };
  for (const one of [options, {}]) { // older browsers refuse these options
    try {
      return await createImageBitmap(file, one);
    } catch {
      continue;
    }
  }
  return null;
}

// Classifies files one after the other; the page stays usable between them.
async function classifyFiles(files) {
  alertUser();
  const failed = [];
  for (const file of files) {
    const picture = await decoded(file);
    if (picture) {
      showResult(file.name || "pasted picture", picture);
      picture.close();
    } else {
      failed.push(file.name);
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
  if (failed.length) alertUser(`This browser cannot read ${failed.join(", ")} as a picture. JPEG and PNG files work.`);
}

function acceptFiles(transfer, problem) {
  const files = [...(transfer?.files ?? [])];
  if (files.length) classifyFiles(files);
  else alertUser(problem);
}

element("choose").addEventListener("click", () => element("file").click());
element("file").addEventListener("change", ({ target }) => {
  classifyFiles([...target.files]).then(() => { target.value = ""; });
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  element("drop").classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) element("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  element("drop").classList.remove("over");
  acceptFiles(event.dataTransfer, "That was no file. Save the picture, then drop its file.");
});
document.addEventListener("paste", (event) => acceptFiles(event.clipboardData, "The clipboard has no picture."));

let stream = null;

function stopCamera() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  element("video").srcObject = null;
  element("live").hidden = true;
  element("camera").setAttribute("aria-pressed", "false");
  element("camera").textContent = "Use the camera";
}

async function startCamera() {
  alertUser();
  if (!navigator.mediaDevices?.getUserMedia) {
    alertUser("This browser gives the camera only to pages from https, from localhost or from a file. "
      + "\"Choose pictures\" offers the camera on phones.");
    return;
  }
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    alertUser(error.name === "NotAllowedError" ? "The camera was not allowed." : "There is no camera that can be used.");
    return;
  }
  const video = element("video");
  video.srcObject = stream;
  stream.getTracks()[0].addEventListener("ended", stopCamera);
  element("live").hidden = false;
  element("camera").setAttribute("aria-pressed", "true");
  element("camera").textContent = "Stop the camera";
  await video.play();
  watch(stream);
}

// Classifies frames of the camera until it stops.
function watch(watched) {
  if (stream !== watched) return;
  const video = element("video"), live = element("live");
  if (video.videoWidth && !document.hidden) {
    const result = classify(video, video.videoWidth, video.videoHeight);
    const classes = ranked(result.odds);
    live.querySelector(".best").textContent = classes[0].name;
    live.querySelector(".fine").textContent = `${result.ms.toFixed(0)} ms for a picture`;
    fillClasses(live.querySelector(".classes"), classes.slice(0, SHOWN));
  }
  setTimeout(() => requestAnimationFrame(() => watch(watched)), 100);
}

element("camera").addEventListener("click", () => (stream ? stopCamera() : startCamera()));

// The network computes what it computed in training: the logits of known pixels.
function checkNetwork() {
  const size = channels * height * width;
  const logits = network(Float32Array.from({ length: size }, (_, index) => ((index * index * 31 + index * 17) % 256) / 255));
  const scale = Math.max(1, ...facts.check.map(Math.abs));
  const isEqual = facts.check.every((value, index) => Math.abs(value - logits[index]) <= facts.tolerance * scale);
  if (!isEqual) alertUser("This browser computes other values than the trained network. Do not trust the classes.");
}

checkNetwork();
