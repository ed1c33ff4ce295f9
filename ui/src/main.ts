import { mount } from 'svelte';
import './tokens.css';
import './base.css';
import 'uplot/dist/uPlot.min.css';
import Frame from './nav/Frame.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
mount(Frame, { target });
